import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { z } from "zod";
import {
  agent,
  skill,
  type Bus,
  type Need,
  type TaskEvent,
} from "../../../index.js";
import { gate } from "../../support/doer.js";
import { eventually } from "../../support/eventually.js";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();
const quiet = { signals: false } as const;

/** An agent whose skill answers with the agent's name and version, and where it ran. */
function teller(
  name: string,
  version = "1.0.0",
  description = "Condenses a text",
  run: () => unknown = () => `${name}@${version}`,
) {
  const summarize = skill({ description, tags: ["text"], input: z.any(), run });
  return agent(name, { version, skills: { summarize } });
}

/** Once the caller knows of so many instances. */
async function known(bus: Bus, count: number): Promise<Bus> {
  await eventually(async () => {
    const found = await bus.discover();
    return found.flatMap(({ instances }) => instances).length === count;
  });
  return bus;
}

async function stage(t: TestContext, ...agents: ReturnType<typeof teller>[]) {
  const bus = await shared.connect(t);
  for (const each of agents) await bus.serve(each, quiet);
  return known(await shared.connect(t), agents.length);
}

test("a skill with a range of versions goes to an agent whose instances all have such a version", async (t) => {
  const bus = await stage(t, teller("old", "1.9.0"), teller("text", "2.3.1"));
  assert.equal(await bus.call("summarize@^2", 1), "text@2.3.1");
  assert.equal(await bus.call("*.summarize@^1.2", 1), "old@1.9.0");
  assert.equal(await bus.call("text.summarize@>=2 <3", 1), "text@2.3.1");
  assert.equal(await bus.call("*.summarize", 1), "text@2.3.1", "the newer");
  assert.equal(await bus.call("summarize", 1), "text@2.3.1");
  assert.equal(await bus.ask("summarize@^1", 1), "old@1.9.0");
  const task = await bus.submit({ skill: "summarize", version: "1.x" }, 1);
  assert.equal(await task.result(), "old@1.9.0");
  assert.equal(task.agent, "old");
});

test("a range does not hold for a lane where one instance is of another version", async (t) => {
  const bus = await stage(t, teller("text", "1.0.0"), teller("text", "2.0.0"));
  await assert.rejects(bus.call("text.summarize@^2", 1), {
    code: "NO_CANDIDATE",
    message:
      /nobody does text\.summarize@\^2: nearest is text\.summarize@1\.0\.0 \(version .* does not fit "\^2"\)/,
  });
  assert.match(String(await bus.call("text.summarize@1 || 2", 1)), /^text@/);
});

test("labels are met by what all instances of a lane have in common", async (t) => {
  const bus = await shared.connect(t);
  const eu = { ...quiet, labels: { region: "eu" } };
  await bus.serve(teller("far"), { ...quiet, labels: { region: "us" } });
  await bus.serve(teller("near"), eu);
  await bus.serve(teller("mixed"), eu);
  await bus.serve(teller("mixed"), quiet);
  const caller = await known(await shared.connect(t), 4);
  const labels = { region: "eu" };
  assert.equal(
    await caller.call({ skill: "summarize", labels }, 1),
    "near@1.0.0",
  );
  await assert.rejects(
    caller.call({ agent: "mixed", skill: "summarize", labels }, 1),
    {
      code: "NO_CANDIDATE",
      message: /only some of its instances have region=eu/,
    },
  );
});

test("plain words find the skill whose card fits them best", async (t) => {
  const forecast = agent("weather", {
    skills: {
      forecast: skill({
        description: "Tells whether it will rain or shine",
        examples: ["do I need an umbrella"],
        input: z.any(),
        run: () => "rain",
      }),
    },
  });
  const bus = await shared.connect(t);
  await bus.serve(forecast, quiet);
  await bus.serve(teller("text"), quiet);
  const caller = await known(await shared.connect(t), 2);
  assert.equal(await caller.call({ text: "umbrella today?" }, {}), "rain");
  assert.equal(
    await caller.call({ text: "please condense this text" }, {}),
    "text@1.0.0",
  );
  await assert.rejects(caller.call({ text: "repair my bicycle" }, {}), {
    code: "NO_CANDIDATE",
    message:
      /nobody does "repair my bicycle": no agent here has anything like it/,
  });
});

test("a decision says why, and its reasons stand in the history of the task", async (t) => {
  const bus = await stage(t, teller("one", "1.1.0"), teller("two", "1.2.0"));
  const need: Need = {
    skill: "summarize",
    version: "^1",
    prefer: "round-robin",
  };
  const route = await bus.route(need);
  assert.deepEqual(
    [route.agent, route.strategy, route.why, route.fitting],
    ["one", "round-robin", "turn 1 of 2", 2],
  );
  assert.equal((await bus.route(need)).agent, "one", "it takes nobody's turn");
  assert.deepEqual(
    route.candidates.map(({ agent: name, version }) => [name, version]),
    [
      ["one", "1.1.0"],
      ["two", "1.2.0"],
    ],
  );
  assert.deepEqual(await bus.tasks(), [], "a question submits nothing");

  await bus.call(need, 1);
  const task = await bus.submit(need, 1);
  await task.result();
  const found = await bus.find(task.id);
  assert.equal(found?.route?.agent, "two");
  assert.deepEqual(found.route.need, need);
  assert.equal(found.route.why, "turn 2 of 2");
  const events: TaskEvent[] = [];
  for await (const event of bus.replay({ task: task.id })) events.push(event);
  assert.equal(events.at(-1)?.route?.candidates.length, 2);
  const plain = await bus.submit("one.summarize", 1);
  await plain.result();
  assert.equal((await bus.find(plain.id))?.route, undefined);
});

test("the route of a task is known while it waits, and when it was canceled", async (t) => {
  const { opened, open } = gate();
  const slow = teller("slow", "1.0.0", "Waits", () => opened);
  const bus = await stage(t, slow);
  const task = await bus.submit("summarize@1", 1);
  assert.equal((await bus.find(task.id))?.route?.agent, "slow");
  await task.cancel("enough");
  open();
  assert.equal((await bus.find(task.id))?.state, "canceled");
  assert.equal((await bus.find(task.id))?.route?.agent, "slow");
});

test("round-robin takes turns, weighted keeps shares, and sticky stays", async (t) => {
  const bus = await shared.connect(t);
  await bus.serve(teller("one"), { ...quiet, weight: 3 });
  await bus.serve(teller("two"), quiet);
  const caller = await known(await shared.connect(t), 2);
  const routes = async (count: number, need: Need, options = {}) => {
    const agents: string[] = [];
    for (let i = 0; i < count; i++)
      agents.push((await caller.submit(need, 1, options)).agent!);
    return agents;
  };
  const skillName = { skill: "summarize" };
  assert.deepEqual(await routes(4, { ...skillName, prefer: "round-robin" }), [
    "one",
    "two",
    "one",
    "two",
  ]);
  const weighted = await routes(8, { ...skillName, prefer: "weighted" });
  assert.equal(weighted.filter((name) => name === "one").length, 6);
  const given = {
    ...skillName,
    prefer: "weighted",
    weights: { one: 0, two: 1 },
  } as const;
  assert.deepEqual(new Set(await routes(4, given)), new Set(["two"]));

  const sticky = { ...skillName, prefer: "sticky" } as const;
  for (const context of ["a", "b", "c"])
    assert.equal(new Set(await routes(3, sticky, { context })).size, 1);
  const many = await Promise.all(
    Array.from({ length: 100 }, (_, at) =>
      caller.route(sticky, { context: `c${at}` }),
    ),
  );
  const ones = many.filter(({ agent: name }) => name === "one").length;
  assert.ok(ones > 25 && ones < 75, `${ones} of 100`);
  await assert.rejects(caller.route(sticky), { code: "ARGUMENT_INVALID" });
});

test("least-loaded goes where there is room, and fastest where it was quick", async (t) => {
  const { opened, open } = gate();
  const busy = teller("busy", "2.0.0", "Condenses", () => opened);
  const bus = await stage(t, busy, teller("calm"));
  const held = [bus.call("busy.summarize", 1), bus.call("busy.summarize", 2)];
  await bus.call("calm.summarize", 1);
  const least: Need = { skill: "summarize", prefer: "least-loaded" };
  await eventually(async () => {
    const { candidates } = await bus.route(least);
    return candidates.some(({ load = 0 }) => load > 0);
  });
  assert.equal((await bus.route(least)).agent, "calm");
  open();
  await Promise.all(held);
  const fastest: Need = { skill: "summarize", prefer: "fastest" };
  await eventually(async () => {
    const { candidates } = await bus.route(fastest);
    return candidates.every(({ latencyMs }) => latencyMs !== undefined);
  });
  const route = await bus.route(fastest);
  assert.equal(route.agent, "calm");
  assert.match(route.why, /ms is the least of 2/);
});

test("who waits for a candidate gets the first that comes, or is told after as long as asked for", async (t) => {
  const bus = await shared.connect(t);
  const caller = await shared.connect(t);
  const waiting = caller.call({ skill: "summarize", wait: "20s" }, 1);
  await bus.serve(teller("late"), quiet);
  assert.equal(await waiting, "late@1.0.0");
  await assert.rejects(caller.call({ skill: "sumarize", wait: "50ms" }, 1), {
    code: "NO_CANDIDATE",
    message:
      /waited 50ms and nobody does \*\.sumarize: nearest is late\.summarize@1\.0\.0 \(another skill was asked for\)/,
  });
});

test("an agent that nobody runs gets a task only where that was asked for", async (t) => {
  const bus = await shared.connect(t);
  const worker = await bus.serve(teller("text"), quiet);
  await worker.drain();
  const caller = await shared.connect(t);
  await assert.rejects(caller.call("summarize", 1), {
    code: "NO_CANDIDATE",
    message: /text\.summarize@1\.0\.0 \(no instance lives\)/,
  });
  const task = await caller.submit({ skill: "summarize", offline: true }, 1);
  await bus.serve(teller("text"), quiet);
  assert.equal(await task.result(), "text@1.0.0");
});

test("a lane is a candidate of its own, and the caller may ask for one", async (t) => {
  const bus = await shared.connect(t);
  await bus.serve(teller("text", "1.0.0"), quiet);
  await bus.serve(teller("text", "2.0.0"), { ...quiet, lane: "next" });
  const caller = await known(await shared.connect(t), 2);
  assert.equal(await caller.call("summarize", 1), "text@1.0.0");
  assert.equal(await caller.call("summarize@^2", 1), "text@2.0.0");
  const inNext = await caller.call("summarize", 1, { lane: "next" });
  assert.equal(inNext, "text@2.0.0");
  assert.equal(await caller.ask("summarize", 1), "text@1.0.0");
  assert.equal(await caller.ask("summarize@^2", 1), "text@2.0.0");
});

test("where all lanes of an agent fit, its split decides, and where they do not, the need does", async (t) => {
  const bus = await shared.connect(t);
  await bus.serve(teller("text", "1.0.0"), quiet);
  await bus.serve(teller("text", "2.0.0"), { ...quiet, lane: "next" });
  const caller = await known(await shared.connect(t), 2);
  await bus.lanes.split("text", { main: 0, next: 1 });
  await eventually(
    async () => (await caller.call("text.summarize", 1)) === "text@2.0.0",
  );
  assert.equal(await caller.call("summarize", 1), "text@2.0.0");
  assert.equal(await caller.call("summarize@^1", 1), "text@1.0.0");
});

test("who names the agent opens no directory", async (t) => {
  const bus = await shared.connect(t);
  await bus.serve(teller("text"), quiet);
  const caller = await shared.connect(t);
  await caller.call("text.summarize", 1);
  await caller.ask("text.summarize", 1);
  const link = await shared.link(t);
  const watchers = async () => {
    const { buckets } = link.subjects;
    const stream = `KV_${buckets.instances}`;
    return (await link.jsm.consumers.list(stream).next()).length;
  };
  assert.equal(await watchers(), 0);
  await known(caller, 1);
  assert.equal(await watchers(), 1);
});

test("needs that are none are refused", async (t) => {
  const bus = await shared.connect(t);
  const wrong: unknown[] = [
    {},
    { agent: "text" },
    { skill: "" },
    { skill: "a", version: "newest" },
    { skill: "a", text: "b" },
    { skill: "a", wait: "soon" },
    { skill: "a", prefer: "best" },
    { skil: "a" },
    { text: "  " },
    ".a",
    "a.",
    "make this shorter",
  ];
  for (const need of wrong) {
    const submitting = bus.submit(need as Need, 1);
    await assert.rejects(
      submitting,
      { code: "ARGUMENT_INVALID" },
      JSON.stringify(need),
    );
  }
});

test("input that the chosen skill does not take is refused before anything is stored", async (t) => {
  const strict = skill({
    description: "Counts",
    input: z.object({ count: z.number() }),
    run: ({ count }) => count,
  });
  const bus = await shared.connect(t);
  await bus.serve(agent("counter", { skills: { strict } }), quiet);
  const caller = await known(await shared.connect(t), 1);
  await assert.rejects(caller.call("strict", { count: "one" }), {
    code: "INPUT_INVALID",
    message: /the input of counter\.strict .* count: /,
  });
});

test("needs go to another while a breaker is open", async (t) => {
  const failing = agent("failing", {
    version: "2.0.0",
    skills: {
      work: skill({
        description: "Fails",
        input: z.any(),
        retry: { attempts: 1 },
        breaker: { failures: 1, rest: "1m" },
        run: () => {
          throw new Error("broken");
        },
      }),
    },
  });
  const work = skill({ description: "Works", input: z.any(), run: () => "ok" });
  const bus = await shared.connect(t);
  await bus.serve(failing, quiet);
  await bus.serve(agent("working", { skills: { work } }), quiet);
  const caller = await known(await shared.connect(t), 2);
  await assert.rejects(caller.call("work", 1), { code: "HANDLER_FAILED" });
  await eventually(
    async () => (await caller.route({ skill: "work" })).agent === "working",
  );
  assert.equal(await caller.call("work", 1), "ok");
});

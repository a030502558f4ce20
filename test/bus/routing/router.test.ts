import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { agent, skill, type Need } from "../../../index.js";
import { quiet } from "../../support/doer.js";
import { eventually } from "../../support/eventually.js";
import { sharedServer } from "../../support/shared-server.js";
import { known, stage, teller } from "../../support/teller.js";

const shared = sharedServer();

test("a skill with a range of versions goes to an agent whose instances all have such a version", async (t) => {
  const bus = await stage(
    shared,
    t,
    teller("old", "1.9.0"),
    teller("text", "2.3.1"),
  );
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
  const bus = await stage(
    shared,
    t,
    teller("text", "1.0.0"),
    teller("text", "2.0.0"),
  );
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

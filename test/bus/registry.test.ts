import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { agent, skill } from "../../index.js";
import { eventually } from "../support/eventually.js";
import { sharedServer } from "../support/shared-server.js";

const shared = sharedServer();
const echo = skill({
  description: "Says it again",
  input: z.object({ text: z.string(), times: z.number().default(1) }),
  output: z.string(),
  run: ({ text }) => text,
});
const writer = agent("writer", {
  version: "1.2.3",
  description: "Writes",
  skills: { echo },
});
const quiet = { signals: false } as const;

test("the card of a served agent says its skills with the schemas of what they take and give", async (t) => {
  const bus = await shared.connect(t);
  await bus.serve(writer, quiet);
  const [card] = await (await shared.connect(t)).agents();
  assert.equal(card?.name, "writer");
  assert.equal(card.version, "1.2.3");
  assert.equal(card.skills[0]?.id, "echo");
  const { inputSchema, outputSchema } = card.skills[0];
  assert.deepEqual(inputSchema["required"], ["text"]);
  assert.equal(outputSchema?.["type"], "string");
});

test("an instance is seen while it serves and gone when it has drained; its card stays", async (t) => {
  const bus = await shared.connect(t);
  const worker = await bus.serve(writer, { ...quiet, concurrency: 3 });
  const watcher = await shared.connect(t);
  const [seen] = await watcher.instances("writer");
  assert.equal(seen?.instance, worker.instance);
  assert.deepEqual(
    [seen.concurrency, seen.running, seen.state, seen.pid],
    [3, 0, "ready", process.pid],
  );
  assert.deepEqual(await watcher.instances("other"), []);
  await worker.drain();
  assert.deepEqual(await watcher.instances(), []);
  assert.equal((await watcher.agents()).length, 1);
});

test("agents whose names hold spaces, dots, wildcards and letters of any script can be served and called", async (t) => {
  const bus = await shared.connect(t);
  const names = ["my agent", "a.b", "*", "a>b~c", "схема", "x=y/z"];
  for (const name of names) {
    const odd = agent(name, { skills: { echo } });
    await bus.serve(odd, quiet);
    assert.equal(await bus.call(odd.skills.echo, { text: name }), name);
    assert.equal(await bus.call(`${name}.echo`, { text: name }), name);
    assert.equal(await bus.ask(odd.skills.echo, { text: name }), name);
  }
  const cards = await bus.agents();
  assert.deepEqual(cards.map((card) => card.name).sort(), names.sort());
  assert.equal((await bus.instances()).length, names.length);
});

test("an unknown agent or skill is refused at submit, with those that are known", async (t) => {
  const bus = await shared.connect(t);
  await assert.rejects(bus.submit("writer.echo", {}), {
    code: "AGENT_UNKNOWN",
    message: /no agent has ever been served in this namespace/,
  });
  await bus.serve(writer, quiet);
  await assert.rejects(bus.submit("writter.echo", {}), {
    code: "AGENT_UNKNOWN",
    message: /no agent "writter" .*known are "writer"/,
  });
  await assert.rejects(bus.submit("writer.shout", {}), {
    code: "SKILL_UNKNOWN",
    message: /no skill "shout": it has "echo"/,
  });
});

test("input that an agent's card refuses is refused at submit, with the path of the field", async (t) => {
  const bus = await shared.connect(t);
  await bus.serve(writer, quiet);
  const caller = await shared.connect(t);
  for (const verb of ["submit", "call"] as const)
    await assert.rejects(caller[verb]("writer.echo", { text: 5 }), {
      code: "INPUT_INVALID",
      message: /the input of writer\.echo .* text: /,
    });
  assert.equal(await caller.call("writer.echo", { text: "hi" }), "hi");
});

test("a new version with other skills is known at once, also to who knew the old one", async (t) => {
  const bus = await shared.connect(t);
  const old = await bus.serve(writer, quiet);
  const caller = await shared.connect(t);
  await caller.call("writer.echo", { text: "hi" });
  await old.drain();
  const number = skill({
    description: "Takes a number now",
    input: z.object({ text: z.number() }),
    run: ({ text }) => text + 1,
  });
  await bus.serve(agent("writer", { skills: { echo: number, number } }), quiet);
  assert.equal(await caller.call("writer.number", { text: 1 }), 2);
  assert.equal(await caller.call("writer.echo", { text: 1 }), 2);
});

test("each lane has a card of its own, by which its tasks are checked", async (t) => {
  const bus = await shared.connect(t);
  await bus.serve(writer, quiet);
  const number = skill({
    description: "Takes a number now",
    input: z.object({ text: z.number() }),
    run: ({ text }) => text + 1,
  });
  const next = { ...quiet, lane: "next lane" };
  await bus.serve(agent("writer", { skills: { echo: number, number } }), next);
  const caller = await shared.connect(t);
  const cards = await caller.agents();
  assert.deepEqual(
    cards.map(({ name, lane, skills }) => [name, lane, skills.length]),
    [
      ["writer", "main", 1],
      ["writer", "next lane", 2],
    ],
  );
  const { lane } = next;
  assert.equal(await caller.call("writer.echo", { text: "hi" }), "hi");
  assert.equal(await caller.call("writer.echo", { text: 1 }, { lane }), 2);
  await assert.rejects(caller.call("writer.echo", { text: 1 }), {
    code: "INPUT_INVALID",
  });
  await assert.rejects(caller.call("writer.echo", { text: "hi" }, { lane }), {
    code: "INPUT_INVALID",
  });
  await assert.rejects(caller.submit("writer.number", { text: 1 }), {
    code: "SKILL_UNKNOWN",
  });
  await assert.rejects(
    caller.submit("writer.echo", { text: 1 }, { lane: "past" }),
    {
      code: "AGENT_UNKNOWN",
      message:
        /never been served in lane "past": it was in "main", "next lane"/,
    },
  );
});

test("what a schema cannot say in JSON is left to the worker", async (t) => {
  const bus = await shared.connect(t);
  const even = z.number().refine((count) => count % 2 === 0, "must be even");
  const half = skill({
    description: "Halves",
    input: z.object({ count: even }),
    run: ({ count }) => count / 2,
  });
  await bus.serve(agent("halver", { skills: { half } }), quiet);
  assert.equal(await bus.call("halver.half", { count: 4 }), 2);
  await assert.rejects(bus.call("halver.half", { count: 3 }), {
    code: "INPUT_INVALID",
    message: /count: must be even/,
  });
});

test("a dead instance's heartbeat is no longer believed", async (t) => {
  const bus = await shared.connect(t);
  const worker = await bus.serve(writer, quiet);
  const link = await shared.link(t);
  const { Registry } = await import("../../bus/registry.js");
  const registry = new Registry(link);
  assert.equal((await registry.instances()).length, 1);
  link.clock.adjust(new Date(Date.now() + 60_000).toISOString(), Date.now());
  await eventually(async () => (await registry.instances()).length === 0);
  assert.equal((await bus.instances())[0]?.instance, worker.instance);
});

test("what others put into the bucket and is no card is passed over", async (t) => {
  const bus = await shared.connect(t);
  const link = await shared.link(t);
  assert.deepEqual(await bus.agents(), []);
  const bucket = `$KV.${link.subjects.buckets.agents}`;
  await link.js.publish(`${bucket}.card.odd.main`, "garbage");
  await link.js.publish(`${bucket}.instance.odd.one`, "{}");
  assert.deepEqual(await bus.agents(), []);
  assert.deepEqual(await bus.instances(), []);
});

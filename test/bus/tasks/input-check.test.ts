// What is submitted is checked by the card of whom it is for.
import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { Registry } from "../../../bus/registry/registry.js";
import { Publisher } from "../../../bus/streams/publisher.js";
import { agent, skill } from "../../../index.js";
import type { AgentCard } from "../../../protocol/card.js";
import { quiet } from "../../support/doer.js";
import { eventually } from "../../support/eventually.js";
import { sharedServer } from "../../support/shared-server.js";
import { writer } from "../../support/writer.js";

const shared = sharedServer();

test("a field that a card requires and does not describe is missed at submit, by its path", async (t) => {
  const bus = await shared.connect(t);
  let runs = 0;
  const weigh = skill({
    description: "Weighs both",
    input: z.object({
      sides: z.record(z.enum(["left", "right"]), z.number()),
    }),
    run: ({ sides }) => (runs++, sides.left - sides.right),
  });
  const scales = agent("scales", { skills: { weigh } });
  await bus.serve(scales, quiet);
  const { inputSchema } = (await bus.discover({ agent: "scales" }))[0]!
    .skills[0]!;
  const { properties } = inputSchema as {
    properties: Record<string, { required?: string[]; properties?: object }>;
  };
  assert.deepEqual(properties["sides"]?.required, ["left", "right"]);
  assert.equal(properties["sides"].properties, undefined);
  const submit = (sides: object) => bus.call("scales.weigh", { sides });
  await assert.rejects(submit({ left: 1 }), {
    code: "INPUT_INVALID",
    message: /the input of scales\.weigh .*: sides\.right: /,
  });
  assert.deepEqual(await bus.tasks({ agent: "scales" }), []);
  assert.equal(await submit({ left: 3, right: 1 }), 2);
  assert.equal(runs, 1);
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

test("a card that cannot be read, or whose schema is none, breaks no caller: the worker checks", async (t) => {
  const bus = await shared.connect(t);
  await bus.serve(writer, quiet);
  const link = await shared.link(t);
  const key = `$KV.${link.subjects.buckets.agents}.card.writer.main`;
  const [card] = await bus.agents();
  const lies: unknown[] = [
    { type: "no type at all" },
    { type: "object", properties: { text: { type: "string", pattern: "(" } } },
    { $ref: "#/nowhere" },
    "no schema",
  ];
  for (const inputSchema of lies) {
    const skills = [{ ...card!.skills[0], inputSchema }];
    await link.js.publish(key, JSON.stringify({ ...card, skills }));
    const caller = await shared.connect(t);
    assert.equal(await caller.call("writer.echo", { text: "hi" }), "hi");
    await assert.rejects(caller.call("writer.echo", { text: 5 }), {
      code: "INPUT_INVALID",
    });
  }
  await link.js.publish(key, "garbage");
  const caller = await shared.connect(t);
  assert.equal(await caller.call("writer.echo", { text: "hi" }), "hi");
  const mended: AgentCard[] = [];
  const registry = new Registry(link, new Publisher(link));
  const watching = await registry.cards.watch("card.>", ({ entry }) => {
    if (entry) mended.push(entry.value);
  });
  t.after(() => watching.stop());
  await eventually(() => mended.length > 0, {
    what: "the card, written again by the instance that lives",
    timeoutMs: 30_000,
  });
  assert.deepEqual(mended, [card]);
});

test("a card whose pattern takes for ever to check holds up no caller: its input is left to the worker", async (t) => {
  const bus = await shared.connect(t);
  await (await bus.serve(writer, quiet)).drain(); // nobody writes the card anew
  const link = await shared.link(t);
  const key = `$KV.${link.subjects.buckets.agents}.card.writer.main`;
  const [card] = await bus.agents();
  const text = { type: "string", pattern: "^(a+)+$" };
  const inputSchema = { type: "object", properties: { text } };
  const skills = [{ ...card!.skills[0], inputSchema }];
  await link.js.publish(key, JSON.stringify({ ...card, skills }));
  const caller = await shared.connect(t);
  await caller.submit("writer.echo", { text: "aaa" });
  await assert.rejects(caller.submit("writer.echo", { text: "b" }), {
    code: "INPUT_INVALID",
    message: /text: /,
  });
  const hostile = `${"a".repeat(60)}!`; // years
  const beganAt = performance.now();
  for (let time = 0; time < 40; time++)
    await caller.submit("writer.echo", { text: hostile });
  const tookMs = performance.now() - beganAt;
  assert.ok(tookMs < 15_000, `${tookMs}ms: half a second for the first`);
});

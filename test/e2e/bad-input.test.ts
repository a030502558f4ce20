// Whatever comes in: a clear error, and nothing lost, hung or crashed. After each refusal a good task shows
// that the worker still works.
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { jetstreamManager } from "@nats-io/jetstream";
import { headers } from "@nats-io/transport-node";
import { z } from "zod";
import { agent, skill, type Bus } from "../../index.js";
import { circle } from "../support/circle.js";
import { letterOf } from "../support/dead-letter.js";
import { doer, quiet, story } from "../support/doer.js";
import { sharedServer } from "../support/shared-server.js";

const shared = sharedServer();

const clerk = agent("clerk", {
  skills: {
    file: skill({
      description: "Files",
      input: z.object({ items: z.array(z.object({ name: z.string() })) }),
      output: z.object({ count: z.number() }),
      retry: { attempts: 2, first: "1ms" },
      run: ({ items }) => ({ count: items.length }),
    }),
  },
});
const good = { items: [{ name: "a" }] };
const served = async (t: TestContext) => {
  const bus = await shared.connect(t);
  const worker = await bus.serve(clerk, { ...quiet, concurrency: 2 });
  return { bus, worker, bare: await shared.bare(t) };
};
const stillWorks = async (bus: Bus) =>
  assert.deepEqual(await bus.call(clerk.skills.file, good), { count: 1 });
test("bytes that are no message end as a dead letter that keeps them", async (t) => {
  const { bus, bare } = await served(t);
  const subject = (id: string) =>
    `${bus.namespace}.task.normal.clerk.main.file.${id}`;
  const garbage: [string, Uint8Array][] = [
    ["text", Buffer.from("good morning")],
    ["cut", Buffer.from('{"jsonrpc":"2.0","id":1,"meth')],
    ["empty", Buffer.alloc(0)],
    ["null", Buffer.from("null")],
    ["noise", Buffer.from([0xc1, 0, 255, 254, 13, 10, 0])],
    ["other", Buffer.from('{"jsonrpc":"2.0","id":1,"method":"tools/list"}')],
  ];
  for (const [id, bytes] of garbage) {
    await bare.request(subject(id), bytes);
    await assert.rejects(bus.task(id).result(), {
      code: "MESSAGE_UNREADABLE",
    });
    const letter = await letterOf(bus, id);
    assert.equal(letter.code, "MESSAGE_UNREADABLE");
    assert.deepEqual(Buffer.from(letter.original), Buffer.from(bytes));
  }
  await stillWorks(bus);
});

test("bytes that are no message on a key's queue do not hold up the key", async (t) => {
  const { bus, bare } = await served(t);
  const subject = `${bus.namespace}.keyed.clerk.main.article-7.bad`;
  await bare.request(subject, "good morning");
  await assert.rejects(bus.task("bad").result(), {
    code: "MESSAGE_UNREADABLE",
  });
  await letterOf(bus, "bad");
  await bus.call(clerk.skills.file, good, { key: "article-7" });
});

test("a subject that no task can have is refused by the server, and nothing waits for ever", async (t) => {
  const { bus, bare } = await served(t);
  for (const wrong of [
    "task.normal.clerk.main.file.t1.more",
    "task.normal.clerk.main.file",
    "task.urgent.clerk.main.file.t1",
    "keyed.clerk.main.t1",
    "keyed.clerk.main.order-7.t1.more",
    "partition.clerk.main.1.t1",
    "task.normal.nobody.main.file.t1",
  ])
    // Whose keys are followed answers a core message with silence.
    await assert.rejects(
      bare.request(`${bus.namespace}.${wrong}`, "{}", { timeout: 200 }),
      { message: /no responders|timeout/i },
      wrong,
    );
  const manager = await jetstreamManager(bare);
  const { state } = await manager.streams.info(`${bus.namespace}_QUEUE_clerk`);
  assert.equal(state.messages, 0);
  await stillWorks(bus);
});

test("an unknown content type is named, and those that are known", async (t) => {
  const { bus, bare } = await served(t);
  const block = headers();
  block.set("Content-Type", "text/xml");
  await bare.request(
    `${bus.namespace}.task.normal.clerk.main.file.t1`,
    "<task/>",
    { headers: block, timeout: 2_000 },
  );
  await assert.rejects(bus.task("t1").result(), {
    code: "MESSAGE_UNREADABLE",
    message: /content type "text\/xml" is unknown.*application\/json/,
  });
  await letterOf(bus, "t1");
  await stillWorks(bus);
});

test("an unknown agent or skill is refused at submit; by a bare client's task it is a dead letter", async (t) => {
  const { bus, bare } = await served(t);
  await assert.rejects(bus.submit("nobody.file", good), {
    code: "AGENT_UNKNOWN",
  });
  await assert.rejects(bus.call("clerk.nothing", good), {
    code: "SKILL_UNKNOWN",
  });
  await assert.rejects(bus.ask("nobody.file", good), { code: "NO_RESPONDERS" });
  await assert.rejects(bus.ask("clerk.nothing", good), {
    code: "SKILL_UNKNOWN",
  });
  await assert.rejects(bus.submit("clerk", good), {
    code: "NO_CANDIDATE",
    message: /nearest is clerk\.file/,
  });
  for (const target of [".file", "clerk.", ""])
    await assert.rejects(bus.submit(target, good), {
      code: "ARGUMENT_INVALID",
      message: /names no skill: write "agent\.skill"/,
    });
  await bare.request(
    `${bus.namespace}.task.normal.clerk.main.nothing.t1`,
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"nothing"}}',
  );
  await assert.rejects(bus.task("t1").result(), {
    code: "SKILL_UNKNOWN",
    message: /no skill "nothing": it has "file"/,
  });
  await letterOf(bus, "t1");
  await stillWorks(bus);
});

test("input that fails its schema is refused at every door, with the path of the field", async (t) => {
  const { bus, bare } = await served(t);
  const bad = { items: [{ name: "a" }, { name: 5 }] };
  const refused = { code: "INPUT_INVALID", message: /items\[1\]\.name: / };
  const typed = bad as unknown as typeof good;
  await assert.rejects(bus.submit(clerk.skills.file, typed), refused);
  await assert.rejects(bus.call("clerk.file", bad), refused);
  await assert.rejects(bus.ask(clerk.skills.file, typed), refused);
  await assert.rejects(bus.ask("clerk.file", bad), refused);
  const params = { name: "file", arguments: bad };
  await bare.request(
    `${bus.namespace}.task.normal.clerk.main.file.t1`,
    JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params }),
  );
  await assert.rejects(bus.task("t1").result(), refused);
  assert.deepEqual((await letterOf(bus, "t1")).input, bad);
  await stillWorks(bus);
});

test("input with more wrong fields than fit into an error still ends as one", async (t) => {
  const { bus, bare } = await served(t);
  const items = Array.from({ length: 100_000 }, () => 1);
  const params = { name: "file", arguments: { items } };
  await bare.request(
    `${bus.namespace}.task.normal.clerk.main.file.t1`,
    JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params }),
  );
  await assert.rejects(bus.task("t1").result(), {
    code: "INPUT_INVALID",
    message: /items\[0\]: .*and \d+ more/,
  });
  await stillWorks(bus);
});

test("a payload over the server's limit is refused at once, and named with the limit", async (t) => {
  const { bus } = await served(t);
  const big = { items: [{ name: "x".repeat(1024 * 1024) }] };
  const refused = { code: "PAYLOAD_TOO_LARGE", message: /takes 1048576/ };
  await assert.rejects(bus.submit(clerk.skills.file, big), refused);
  await assert.rejects(bus.call(clerk.skills.file, big), refused);
  await assert.rejects(
    bus.submit(clerk.skills.file, big, { delay: 1 }),
    refused,
  );
  await assert.rejects(bus.ask(clerk.skills.file, big), refused);
  await stillWorks(bus);
});

test("input that no message can carry is refused at submit", async (t) => {
  const bus = await shared.connect(t);
  const any = doer(() => 1);
  for (const verb of ["submit", "call", "ask"] as const)
    await assert.rejects(bus[verb](any.skills.do, circle()), {
      code: "ARGUMENT_INVALID",
      message: /cannot be encoded/,
    });
});

test("an id may have spaces, dots, wildcards and any letters, and not be empty or 10 kB", async (t) => {
  const { bus } = await served(t);
  const other = await shared.connect(t);
  for (const id of [
    "a b",
    "a.b.c",
    "*",
    ">",
    "a\r\nb",
    "задача",
    "%41",
    "🦊",
  ]) {
    const task = await bus.submit(clerk.skills.file, good, {
      id,
      key: id,
      context: id,
    });
    assert.deepEqual(await task.result(), { count: 1 });
    assert.deepEqual(await other.task(id).result(), { count: 1 });
    const [event] = await story(other.task(id));
    assert.deepEqual([event?.taskId, event?.context], [id, id]);
  }
  for (const id of ["", "x".repeat(10_000), "\ud800"])
    for (const verb of ["submit", "call"] as const)
      await assert.rejects(bus[verb](clerk.skills.file, good, { id }), {
        code: "ARGUMENT_INVALID",
        message: /^task id /,
      });
  for (const id of ["", "x".repeat(10_000)]) {
    await assert.rejects(bus.task(id).state(), { code: "ARGUMENT_INVALID" });
    await assert.rejects(bus.task(id).result(), { code: "ARGUMENT_INVALID" });
    await assert.rejects(bus.task(id).cancel(), { code: "ARGUMENT_INVALID" });
    await assert.rejects(story(bus.task(id)), { code: "ARGUMENT_INVALID" });
  }
  await stillWorks(bus);
});

test("options that are none are refused with what they may be", async (t) => {
  const { bus } = await served(t);
  const wrong = [
    { priority: "urgent" },
    { deadline: "soon" },
    { delay: -1 },
    { timeout: "x" },
    { lane: "" },
  ];
  for (const options of wrong)
    await assert.rejects(
      bus.call(clerk.skills.file, good, options as { lane: string }),
      { code: "ARGUMENT_INVALID" },
      JSON.stringify(options),
    );
});

test("headers that are nonsense do no harm", async (t) => {
  const { bus, bare } = await served(t);
  const block = headers();
  block.set("Troupe-Deadline", "tomorrow");
  block.set("Troupe-Attempt", "many");
  block.set("Troupe-Origin", "a.b *");
  block.set("traceparent", "zz-not-a-trace");
  block.set("Troupe-Key", "%E0%A4%A");
  const params = { name: "file", arguments: good };
  await bare.request(
    `${bus.namespace}.task.normal.clerk.main.file.t1`,
    JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params }),
    { headers: block, timeout: 2_000 },
  );
  assert.deepEqual(await bus.task("t1").result(), { count: 1 });
});

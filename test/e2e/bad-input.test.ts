// Whatever comes in: a clear error, and nothing lost, hung or crashed. After each refusal a good task shows
// that the worker still works.
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { jetstreamManager } from "@nats-io/jetstream";
import { headers } from "@nats-io/transport-node";
import { z } from "zod";
import {
  agent,
  skill,
  type Bus,
  type DeadLetter,
  type TaskEvent,
  TroupeError,
} from "../../index.js";
import { childWorker } from "../support/child-worker.js";
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
const letterOf = async (bus: Bus, task: string) => {
  const letters: DeadLetter[] = [];
  for await (const letter of bus.deadLetters({ task })) letters.push(letter);
  assert.equal(letters.length, 1, `one dead letter of "${task}"`);
  return letters[0]!;
};

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

test("a payload just under the limit that dies leaves a letter with all of it", async (t) => {
  const bus = await shared.connect(t);
  const doomed = doer(
    () => {
      throw new Error("x".repeat(10_000));
    },
    { retry: { attempts: 1 } },
  );
  await bus.serve(doomed, quiet);
  let size = 1024 * 1024;
  const largest = async (): Promise<string> => {
    for (; ; size -= 64) {
      const text = "x".repeat(size);
      const id = `t${size}`;
      try {
        await bus.submit(doomed.skills.do, text, { id });
        return id;
      } catch (error) {
        assert.equal((error as TroupeError).code, "PAYLOAD_TOO_LARGE");
      }
    }
  };
  const id = await largest();
  await assert.rejects(bus.task(id).result(), { code: "HANDLER_FAILED" });
  assert.equal((await letterOf(bus, id)).input, "x".repeat(size));
});

test("an output over the server's limit fails its task, and says so", async (t) => {
  const bus = await shared.connect(t);
  const chatty = doer(() => "x".repeat(2 * 1024 * 1024));
  await bus.serve(chatty, quiet);
  const refused = { code: "PAYLOAD_TOO_LARGE", message: /1048576/ };
  await assert.rejects(bus.call(chatty.skills.do, 1, { id: "t1" }), refused);
  await assert.rejects(bus.ask(chatty.skills.do, 1), refused);
  assert.equal((await letterOf(bus, "t1")).code, "PAYLOAD_TOO_LARGE");
});

test("whatever a handler throws, its task fails with a message", async (t) => {
  const bus = await shared.connect(t);
  const thrown: Record<string, [unknown, RegExp]> = {
    undefined: [undefined, /undefined/],
    null: [null, /null/],
    string: ["just text", /^just text$/],
    object: [{ a: 1 }, /\{"a":1\}/],
    symbol: [Symbol("s"), /symbol/],
    empty: [new Error(""), /Error/],
    huge: [new Error("🦊".repeat(1_000_000)), /^🦊+… \(cut/u],
    half: [new Error("cut \ud83e"), /^cut/],
    circle: [circular(), /object/],
    data: [
      new TroupeError("HANDLER_FAILED", "odd", { data: circular() }),
      /odd/,
    ],
  };
  const moody = doer(
    (input) => {
      throw thrown[input as string]![0];
    },
    { retry: { attempts: 1 } },
  );
  await bus.serve(moody, quiet);
  for (const [name, [, message]] of Object.entries(thrown)) {
    const failed = { code: "HANDLER_FAILED", message };
    await assert.rejects(bus.call(moody.skills.do, name, { id: name }), failed);
    await assert.rejects(bus.ask(moody.skills.do, name), failed);
    assert.equal((await letterOf(bus, name)).input, name);
  }
});

test("an output that its schema refuses, or that no message can carry, fails its task", async (t) => {
  const bus = await shared.connect(t);
  const odd: Record<string, unknown> = {
    wrong: { count: "many" },
    nothing: undefined,
  };
  const liar = agent("liar", {
    skills: {
      count: skill({
        description: "Says it counts",
        input: z.string(),
        output: z.object({ count: z.number() }),
        run: (name) => odd[name] as { count: number },
      }),
    },
  });
  await bus.serve(liar, quiet);
  for (const name of Object.keys(odd)) {
    const refused = {
      code: "OUTPUT_INVALID",
      message: /what the handler of liar\.count returned does not fit/,
    };
    await assert.rejects(
      bus.call(liar.skills.count, name, { id: name }),
      refused,
    );
    await assert.rejects(bus.ask(liar.skills.count, name), refused);
    await letterOf(bus, name);
  }
  const weird = doer((input) => (input === "circle" ? circular() : 2n ** 70n));
  await bus.serve(weird, quiet);
  for (const input of ["circle", "big"])
    for (const format of ["msgpack", "json"] as const)
      await assert.rejects(bus.call(weird.skills.do, input, { format }), {
        code: "OUTPUT_INVALID",
        message: /cannot be encoded/,
      });
  await assert.rejects(bus.ask(weird.skills.do, "circle"), {
    code: "OUTPUT_INVALID",
  });
});

test("input that no message can carry is refused at submit", async (t) => {
  const bus = await shared.connect(t);
  const any = doer(() => 1);
  for (const verb of ["submit", "call", "ask"] as const)
    await assert.rejects(bus[verb](any.skills.do, circular()), {
      code: "ARGUMENT_INVALID",
      message: /cannot be encoded/,
    });
});

test("a schema that itself throws fails the task, and does not loop", async (t) => {
  const bus = await shared.connect(t);
  const broken = z.string().transform((): string => {
    throw new Error("the schema is broken");
  });
  const trap = agent("trap", {
    skills: {
      in: skill({
        description: "In",
        input: broken,
        retry: { attempts: 1 },
        run: () => "x",
      }),
      out: skill({
        description: "Out",
        input: z.any(),
        output: broken,
        retry: { attempts: 1 },
        run: () => "x",
      }),
    },
  });
  await bus.serve(trap, quiet);
  const bare = await shared.bare(t);
  await bare.request(
    `${bus.namespace}.task.normal.trap.main.in.t1`,
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"in","arguments":"x"}}',
  );
  const failed = { message: /the schema is broken/ };
  const done = bus.task("t1");
  const events: TaskEvent[] = await story(done);
  assert.equal(events.at(-1)?.kind, "failed");
  await assert.rejects(done.result(), failed);
  await assert.rejects(bus.call(trap.skills.out, 1), failed);
  await assert.rejects(bus.ask(trap.skills.out, 1), failed);
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

test("a handler that blocks its process for longer than the ack wait ends its task exactly once", async (t) => {
  const bus = await shared.connect(t);
  const { namespace, url } = bus;
  await using worker = await childWorker({ url, namespace, ackWait: "1s" });
  const task = await bus.submit("child.block", 2_500);
  await task.result({ timeout: "20s" });
  const ends = (await story(task)).filter(({ kind }) => kind === "completed");
  assert.equal(ends.length, 1);
  assert.deepEqual(new Set(worker.started), new Set([task.id]));
});

test("a handler that ends its process is given up after the crash limit, as a dead letter", async (t) => {
  const bus = await shared.connect(t);
  const { namespace, url } = bus;
  const start = () => childWorker({ url, namespace, ackWait: "1s" });
  const first = await start();
  const task = await bus.submit("child.exit", 1);
  assert.equal(await first.ended, 1);
  const begun = [...first.started];
  const judge = async () => {
    for (let crashes = 1; crashes < 5; crashes++) {
      await using next = await start();
      const end = task
        .result({ timeout: "20s" })
        .catch((error: unknown) => error);
      const outcome = await Promise.race([next.ended, end]);
      begun.push(...next.started);
      if (outcome instanceof TroupeError) return outcome;
    }
    return undefined;
  };
  const error = await judge();
  assert.equal(error?.code, "WORKER_LOST");
  assert.match(error.message, /the worker of child\.exit died or vanished/);
  assert.ok(begun.length <= 2, `begun ${begun.length} times`);
  assert.equal((await letterOf(bus, task.id)).code, "WORKER_LOST");
});

function circular(): Record<string, unknown> {
  const circle: Record<string, unknown> = {};
  circle["self"] = circle;
  return circle;
}

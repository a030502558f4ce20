// Whatever a handler or a schema does: its task ends once, with a clear error, and nothing hangs or is lost.
import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { agent, skill, type TaskEvent, TroupeError } from "../../index.js";
import { childWorker } from "../support/child-worker.js";
import { circle } from "../support/circle.js";
import { letterOf } from "../support/dead-letter.js";
import { doer, quiet, story } from "../support/doer.js";
import { sharedServer } from "../support/shared-server.js";

const shared = sharedServer();

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
    circle: [circle(), /object/],
    data: [new TroupeError("HANDLER_FAILED", "odd", { data: circle() }), /odd/],
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
  const weird = doer((input) => (input === "circle" ? circle() : 2n ** 70n));
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

import assert from "node:assert/strict";
import { test } from "node:test";
import { refuse, type TaskContext } from "../../../index.js";
import { eventually } from "../../support/eventually.js";
import { broken, doSteps, letterOf, serveSaga } from "../../support/saga.js";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();

test("between two attempts of an undo that are far apart the task is in no worker's hands", async (t) => {
  const bus = await shared.connect(t);
  const attempts: number[] = [];
  const { worker } = await serveSaga(bus, async (task) => {
    await doSteps(
      task,
      ["a"],
      (_name, attempt) => {
        attempts.push(attempt);
        if (attempt < 3) throw new Error("not yet");
      },
      { attempts: 3, first: "2200ms", max: "2200ms", backoff: "constant" },
    );
    throw broken();
  });
  const task = await bus.submit("saga.run", {});
  await eventually(() => attempts.length === 1 && worker.card().running === 0);
  assert.equal(worker.counts.returned, 1);
  await assert.rejects(task.result(), { message: "broken" });
  assert.deepEqual(attempts, [1, 2, 3]);
  assert.equal(worker.counts.returned, 2);
});

test("a task whose deadline passes while it sleeps undoes what it did, and fails", async (t) => {
  const bus = await shared.connect(t);
  const undone: string[] = [];
  await serveSaga(bus, async (task) => {
    await doSteps(task, ["a", "b"], (name) => undone.push(name));
    await task.sleep("1h");
  });
  await assert.rejects(bus.call("saga.run", {}, { deadline: "1500ms" }), {
    code: "DEADLINE_PASSED",
  });
  assert.deepEqual(undone, ["b", "a"]);
});

test("a handler that swallows its cancellation does nothing more, and is undone", async (t) => {
  const bus = await shared.connect(t);
  const undone: string[] = [];
  const done: string[] = [];
  let isAtWork = false;
  await serveSaga(bus, async (task) => {
    for (let n = 0; n < 100; n++) {
      try {
        await task.step(
          `s${n}`,
          async () => {
            done.push(`s${n}`);
            if (n < 2) return;
            isAtWork = true;
            const { signal } = task;
            await new Promise((resolve) =>
              signal.addEventListener("abort", resolve),
            );
            signal.throwIfAborted();
          },
          { undo: () => undone.push(`s${n}`), retry: { attempts: 1 } },
        );
      } catch {
        // and goes on
      }
    }
    return "done after all";
  });
  const task = await bus.submit("saga.run", {});
  await eventually(() => isAtWork);
  assert.equal(await task.cancel("enough"), true);
  await assert.rejects(task.result(), {
    code: "TASK_CANCELED",
    message: "enough",
  });
  assert.deepEqual(done, ["s0", "s1", "s2"]);
  assert.deepEqual(undone, ["s1", "s0"]);
});

test("undos may throw what is no error, and are given undefined where the step gave nothing", async (t) => {
  const bus = await shared.connect(t);
  const given: unknown[][] = [];
  await serveSaga(bus, async (task) => {
    await task.step("nothing", () => undefined, {
      undo: (...all) => given.push([all[0], all.length]),
    });
    await task.step("null", () => null, {
      undo: (result) => {
        given.push([result]);
        throw 42; // oxlint-disable-line only-throw-error
      },
      retry: { attempts: 1 },
    });
    throw broken();
  });
  await assert.rejects(bus.call("saga.run", {}, { id: "odd" }), {
    code: "UNDO_FAILED",
    message: /step "null" could not be undone: a thrown number 42/,
  });
  assert.deepEqual(given, [[null]]);
});

test("the undo of a step that gave nothing is run, in the same worker and after a crash alike", async (t) => {
  const bus = await shared.connect(t);
  const given: unknown[] = [];
  await serveSaga(bus, async (task, asleep) => {
    await task.step("nothing", () => undefined, {
      undo: (result) => given.push(result),
    });
    if (asleep === true) await task.sleep("1600ms");
    throw broken();
  });
  await assert.rejects(bus.call("saga.run", false), { message: "broken" });
  await assert.rejects(bus.call("saga.run", true), { message: "broken" });
  assert.deepEqual(given, [undefined, undefined]);
});

test("canceling a task while it is undone changes nothing: each undo runs once, and it fails as it would have", async (t) => {
  const bus = await shared.connect(t);
  const undone: string[] = [];
  await serveSaga(bus, async (task) => {
    await doSteps(task, ["a", "b"], async (name) => {
      undone.push(name);
      await new Promise((resolve) => setTimeout(resolve, 200));
    });
    throw broken();
  });
  const task = await bus.submit("saga.run", {});
  await eventually(() => undone.length === 1);
  assert.equal(await task.cancel("too late"), true);
  await assert.rejects(task.result(), {
    code: "HANDLER_FAILED",
    message: "broken",
  });
  assert.deepEqual(undone, ["b", "a"]);
});

test("a handler that times out before it comes to where its journal ends is undone to the last step", async (t) => {
  const bus = await shared.connect(t);
  const undone: string[] = [];
  const saga = await serveSaga(
    bus,
    async (task, _input, run) => {
      await doSteps(task, ["a"], (name) => undone.push(name));
      if (run === 2) await new Promise(() => undefined);
      await doSteps(task, ["b", "c"], (name) => undone.push(name));
      await task.sleep("2s");
    },
    { timeout: "500ms" },
  );
  await assert.rejects(bus.call("saga.run", {}), { code: "TIMED_OUT" });
  assert.deepEqual(undone, ["c", "b", "a"]);
  assert.equal(saga.runs(), 3);
});

test("a worker that stops leaves an undo that hangs to another", async (t) => {
  const bus = await shared.connect(t);
  const undone: string[] = [];
  const handler =
    (who: string, hangs: boolean) =>
    async (task: Parameters<typeof doSteps>[0]) => {
      await doSteps(task, ["a", "b"], async (name) => {
        undone.push(`${who} ${name}`);
        if (hangs) await new Promise(() => undefined);
      });
      throw broken();
    };
  const first = await serveSaga(bus, handler("first", true), {
    serve: { drain: "100ms" },
  });
  const task = await bus.submit("saga.run", {});
  await eventually(() => undone.length === 1);
  await first.worker.drain();
  await serveSaga(bus, handler("second", false));
  await assert.rejects(task.result(), { message: "broken" });
  assert.deepEqual(undone, ["first b", "second b", "second a"]);
});

test("errors whose data nobody can send end their task, thrown by a handler, a step or an undo", async (t) => {
  const bus = await shared.connect(t);
  const odd = () =>
    refuse("odd", { data: { n: 1, symbol: Symbol("s"), f: () => 1 } });
  await serveSaga(bus, async (task, where) => {
    if (where === "handler") throw odd();
    await task.step(
      "a",
      () => {
        if (where === "step") throw odd();
      },
      {
        undo() {
          throw odd();
        },
      },
    );
    throw broken();
  });
  for (const where of ["handler", "step", "undo"]) {
    const code = where === "undo" ? "UNDO_FAILED" : "HANDLER_REFUSED";
    await assert.rejects(bus.call("saga.run", where, { timeout: "10s" }), {
      code,
    });
  }
});

test("an undo that takes longer than its step's timeout has failed", async (t) => {
  const bus = await shared.connect(t);
  let aborted = false;
  await serveSaga(bus, async (task) => {
    await task.step("a", () => 1, {
      undo: (_result, { signal }) => {
        signal.addEventListener("abort", () => (aborted = true));
        return new Promise(() => undefined);
      },
      timeout: "50ms",
      retry: { attempts: 1 },
    });
    throw broken();
  });
  await assert.rejects(bus.call("saga.run", {}, { id: "hangs" }), {
    code: "UNDO_FAILED",
    message: /took longer than its timeout of 50ms/,
  });
  assert.equal(aborted, true);
  assert.equal((await letterOf(bus, "hangs"))?.code, "UNDO_FAILED");
});

test("a step whose result cannot be stored fails, and what was done before it is undone", async (t) => {
  const bus = await shared.connect(t);
  const undone: string[] = [];
  const circle: Record<string, unknown> = {};
  circle["self"] = circle;
  const odd: Record<string, unknown> = {
    circle,
    bigint: { n: new Map([[1, 2]]) },
    symbol: [Symbol("s")],
    promise: { later: Promise.resolve(1) },
  };
  await serveSaga(bus, async (task, input) => {
    await doSteps(task, ["a"], (name) => undone.push(name));
    await task.step("odd", () => odd[input as string]);
  });
  for (const kind of Object.keys(odd))
    await assert.rejects(bus.call("saga.run", kind), {
      code: "STEP_RESULT_INVALID",
      message: /the result of step "odd"/,
    });
  assert.deepEqual(undone, ["a", "a", "a", "a"]);
});

const insides: Record<string, (task: TaskContext) => unknown> = {
  "a step": (task) => task.step("b", () => 1),
  "a call": (task) => task.call("saga.run", {}),
  "a sleep": (task) => task.sleep("1h"),
  "a wait": (task) => task.waitFor("go"),
};

for (const [name, begin] of Object.entries(insides))
  test(`${name} inside of an undo fails that at once, and says why`, async (t) => {
    const bus = await shared.connect(t);
    await serveSaga(bus, async (task) => {
      await task.step("a", () => "a", {
        undo: async () => {
          await new Promise(setImmediate);
          await begin(task);
        },
      });
      throw broken();
    });
    await assert.rejects(bus.call("saga.run", {}, { timeout: "5s" }), {
      code: "UNDO_FAILED",
      message: /begun inside of the undo of step "a"/,
    });
  });

test("what is drawn in an undo is the same for each of its attempts, wherever that is made", async (t) => {
  const bus = await shared.connect(t);
  const drawn: string[] = [];
  const { runs } = await serveSaga(bus, async (task) => {
    await task.step("a", () => "a", {
      undo: async () => {
        await new Promise(setImmediate);
        drawn.push(task.uuid());
        if (drawn.length < 2) throw new Error("not yet");
      },
      retry: { attempts: 2, first: "2200ms" }, // in another delivery
    });
    for (let n = task.attempt; n > 0; n--) task.uuid();
    throw broken();
  });
  await assert.rejects(bus.call("saga.run", {}), { message: "broken" });
  assert.equal(drawn.length, 2);
  assert.equal(drawn[0], drawn[1]);
  assert.equal(runs(), 2);
});

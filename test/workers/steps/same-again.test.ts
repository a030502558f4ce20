// What a handler is given the first time is what it is given when it is run again.
import assert from "node:assert/strict";
import { test } from "node:test";
import { serveSaga } from "../../support/saga.js";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();
const onceMore = { retry: { attempts: 2, first: "1ms" } } as const;

test("a step's result is the same when it was just done as when it is read again", async (t) => {
  const bus = await shared.connect(t);
  const given: unknown[] = [];
  await serveSaga(
    bus,
    async (task, _, run) => {
      const odd = await task.step("odd", () => ({
        absent: undefined,
        list: [1, undefined, null],
        bytes: new Uint8Array([1, 2]),
        date: new Date(0),
        zero: -0,
        none: Number.NaN,
      }));
      const zero = await task.step("zero", () => -0);
      const half = await task.step("half", () => "hi 😀".slice(0, 4));
      given.push([odd, zero, half]);
      if (run === 1) throw new Error("once more");
    },
    onceMore,
  );
  await bus.call("saga.run", {});
  assert.equal(given.length, 2);
  assert.deepStrictEqual(given[0], given[1]);
});

test("the input that a task continues with is the same when it was just given as when it is read again", async (t) => {
  const bus = await shared.connect(t);
  const given: unknown[] = [];
  await serveSaga(
    bus,
    async (task, input) => {
      if (input === "first")
        return task.continueAs({ list: [undefined], zero: -0, a: undefined });
      given.push(input);
      if (given.length === 1) throw new Error("once more");
    },
    onceMore,
  );
  await bus.call("saga.run", "first");
  assert.equal(given.length, 2);
  assert.deepStrictEqual(given[0], given[1]);
});

test("an undo is given what its step gave, whatever has become of that", async (t) => {
  const bus = await shared.connect(t);
  const undone: unknown[] = [];
  const shares: string[] = [];
  await serveSaga(bus, async (task) => {
    const undo = (list: string[]) => undone.push(list);
    const first = await task.step("a", () => (shares.push("a"), shares), {
      undo,
    });
    first.push("of the handler");
    await task.step("b", () => (shares.push("b"), shares), { undo });
    throw Object.assign(new Error("broken"), { retryable: false });
  });
  await assert.rejects(bus.call("saga.run", {}), /broken/);
  assert.deepEqual(undone, [["a", "b"], ["a"]]);
});

test("what a step draws is the same at each of its attempts, and changes nothing that is drawn later", async (t) => {
  const bus = await shared.connect(t);
  const drawn: string[] = [];
  await serveSaga(
    bus,
    async (task, _, run) => {
      for (const name of ["a", "b"])
        await task.step(
          name,
          ({ attempt }) => {
            drawn.push(task.uuid());
            if (attempt === 1) throw new Error("once more");
          },
          { retry: { attempts: 2, first: "1ms" } },
        );
      drawn.push(task.uuid());
      if (run === 1) throw new Error("once more");
    },
    onceMore,
  );
  await bus.call("saga.run", {});
  const [a, a2, b, b2, mine, again] = drawn;
  assert.deepEqual([a2, b2, again], [a, b, mine]);
  assert.equal(new Set(drawn).size, 3);
});

test("a task may fail as often as its retry says each time that it goes on with another input", async (t) => {
  const bus = await shared.connect(t);
  const failures = new Map<number, number>();
  await serveSaga(
    bus,
    async (task, input) => {
      const n = input as number;
      await task.step("count", () => n);
      const failed = failures.get(n) ?? 0;
      // The last time it fails for good.
      if (failed < (n === 3 ? Infinity : 2)) {
        failures.set(n, failed + 1);
        throw new Error("once more");
      }
      return task.continueAs(n + 1);
    },
    { retry: { attempts: 3, first: "1ms" } },
  );
  await assert.rejects(bus.call("saga.run", 0), {
    code: "ATTEMPTS_EXHAUSTED",
    message: /^all 3 attempts failed/,
  });
  assert.deepEqual([...failures.values()], [2, 2, 2, 3]);
});

test("signals that were used up before a task continued are not given again", async (t) => {
  const bus = await shared.connect(t);
  await serveSaga(bus, async (task, input) => {
    const got = [...(input as string[]), await task.waitFor("go")];
    return got.length < 3 ? task.continueAs(got) : got;
  });
  const task = await bus.submit("saga.run", []);
  for (const value of ["a", "b", "c"]) await task.signal("go", value);
  assert.deepEqual(await task.result(), ["a", "b", "c"]);
});

test("a task that continues without an end is delivered anew now and then, for its worker not to remember it all", async (t) => {
  const bus = await shared.connect(t);
  const { worker } = await serveSaga(bus, async (task, input) => {
    const n = await task.step("count", () => (input as number) + 1);
    return n <= 510 ? task.continueAs(n) : n;
  });
  assert.equal(await bus.call("saga.run", 0), 511);
  assert.equal(worker.counts.returned, 1);
});

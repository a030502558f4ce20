import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { z } from "zod";
import {
  agent,
  checkJournal,
  refuse,
  skill,
  type Bus,
} from "../../../index.js";
import { forkTask } from "../../../bus/journal/fork.js";
import { Publisher } from "../../../bus/streams/publisher.js";
import type { Submitter } from "../../../bus/tasks/submitter.js";
import { quiet } from "../../support/doer.js";
import { eventually } from "../../support/eventually.js";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();

/** Three steps, of which the last fails until it is mended; what was done and undone, in order. */
async function saga(t: TestContext) {
  const bus = await shared.connect(t);
  const log: string[] = [];
  const state = { isMended: false };
  const worker = await bus.serve(
    agent("saga", {
      skills: {
        run: skill({
          description: "Runs",
          input: z.string(),
          retry: { attempts: 1 },
          async run(input, task) {
            const drawn = [task.random(), task.uuid()];
            const does = (name: string) =>
              task.step(name, () => log.push(`${name} ${input}`) && name, {
                undo: (result) => void log.push(`undo ${result}`),
              });
            const done = [await does("a"), await does("b")];
            if (input === "wait") await task.waitFor("go");
            done.push(
              await task.step("c", () => {
                if (!state.isMended) throw refuse("broken");
                log.push(`c ${input}`);
                return "c";
              }),
            );
            if (input === "then fail") throw refuse("too late");
            return { drawn, done, uuid: task.uuid() };
          },
        }),
        loop: skill({
          description: "Does the same",
          input: z.number(),
          async run(n, task) {
            for (let i = 0; i < n; i++) await task.step("same", () => i);
            return "done";
          },
        }),
        plain: skill({ description: "Plain", input: z.any(), run: () => 1 }),
      },
    }),
    quiet,
  );
  return { bus, log, state, worker };
}

const fails = async (bus: Bus, id: string, input = "x") =>
  bus.call("saga.run", input, { id }).catch(() => undefined);

test("a fork does anew what comes after its place, and has what came before", async (t) => {
  const { bus, log, state } = await saga(t);
  state.isMended = true;
  const old = await bus.call("saga.run", "x", { id: "old" });
  log.length = 0;
  const task = await bus.fork("old", { before: "b", id: "new" });
  assert.equal(task.id, "new");
  assert.deepEqual(await task.result(), old);
  assert.deepEqual(log, ["b x", "c x"]);
  const { entries } = await bus.journal("new");
  assert.deepEqual(
    entries.map((entry) => ("name" in entry ? entry.name : entry.kind)),
    ["forked", "a", "a", "b", "c"],
  );
});

test("a failed task goes on from the step that failed, when its handler is mended", async (t) => {
  const { bus, log, state } = await saga(t);
  await fails(bus, "old");
  assert.deepEqual(log.splice(0), ["a x", "b x", "undo b", "undo a"]);
  state.isMended = true;
  await assert.rejects(bus.fork("old", { before: "c" }), {
    code: "ARGUMENT_INVALID",
    message: /step "a" \(place 0\) of task "old" was undone/,
  });
  const task = await bus.fork("old", { before: 2, force: true });
  assert.deepEqual(((await task.result()) as { done: unknown }).done, [
    "a",
    "b",
    "c",
  ]);
  assert.deepEqual(log, ["c x"]);
});

test("a fork may have another input, and undoes nothing that another task did", async (t) => {
  const { bus, log, state } = await saga(t);
  state.isMended = true;
  await bus.call("saga.run", "x", { id: "old" });
  log.length = 0;
  const task = await bus.fork("old", { before: "b", input: "then fail" });
  await assert.rejects(task.result(), { message: "too late" });
  assert.deepEqual(log, ["b then fail", "c then fail", "undo b"]);
});

test("a task that waits can be forked, and a fork be forked", async (t) => {
  const { bus, state, log, worker } = await saga(t);
  state.isMended = true;
  const old = await bus.submit("saga.run", "wait");
  await eventually(() => worker.counts.parked === 1);
  const fork = await bus.fork(old.id, { before: "go" });
  await fork.signal("go");
  const output = await fork.result();
  log.length = 0;
  const again = await bus.fork(fork.id, { before: "c" });
  assert.deepEqual(await again.result(), output);
  assert.deepEqual(log, ["c wait"]);
  assert.equal(await old.state(), "input-required");
});

test("the same fork made twice is one, and an id that is taken is refused", async (t) => {
  const { bus, log, state } = await saga(t);
  state.isMended = true;
  await bus.call("saga.run", "x", { id: "old" });
  log.length = 0;
  const first = await bus.fork("old", { before: "c", id: "new" });
  const second = await bus.fork("old", { before: "c", id: "new" });
  assert.deepEqual(await second.result(), await first.result());
  const third = await bus.fork("old", { before: "c", id: "new" });
  assert.deepEqual(
    [first.duplicate, second.duplicate, third.duplicate],
    [false, true, true],
  );
  assert.deepEqual(log, ["c x"]);
  await bus.call("saga.plain", 1, { id: "taken" });
  await assert.rejects(bus.fork("old", { before: "c", id: "taken" }), {
    code: "ARGUMENT_INVALID",
    message: /there is another task "taken"/,
  });
});

test("one that is made by many at once is one", async (t) => {
  const { bus, state } = await saga(t);
  state.isMended = true;
  await bus.call("saga.run", "x", { id: "old" });
  const made = await Promise.all(
    Array.from({ length: 12 }, () =>
      bus.fork("old", { before: 1, id: "many" }),
    ),
  );
  assert.equal(made.filter(({ duplicate }) => !duplicate).length, 1);
});

test("who dies while forking leaves nothing that any task takes for its own", async (t) => {
  const { bus, log, state } = await saga(t);
  const link = await shared.link(t);
  state.isMended = true;
  await bus.call("saga.run", "x", { id: "old" });
  log.length = 0;
  // It draws, and writes the journal; submitting it is what it does not live to do.
  const dying = {
    draft: () => Promise.resolve(),
    submit: () => Promise.reject(new Error("killed")),
  } as unknown as Submitter;
  const half = (id: string) =>
    forkTask(
      { link, publisher: new Publisher(link), submitter: dying },
      "old",
      {
        before: "c",
        id,
      },
    ).catch(() => undefined);
  await half("new");
  await half("other");
  await bus.call("saga.run", "y", { id: "new" });
  assert.deepEqual(log.splice(0), ["a y", "b y", "c y"]);
  const task = await bus.fork("old", { before: "c", id: "other" });
  await task.result();
  assert.deepEqual(log, ["c x"]);
});

test("a fork of a task that has gone on with another input begins with that", async (t) => {
  const bus = await shared.connect(t);
  const done: number[] = [];
  await bus.serve(
    agent("counter", {
      skills: {
        run: skill({
          description: "Counts",
          input: z.number(),
          async run(n, task) {
            const uuid = task.uuid();
            await task.step("count", () => done.push(n));
            return n < 3 ? task.continueAs(n + 1) : { n, uuid };
          },
        }),
      },
    }),
    quiet,
  );
  const output = await bus.call("counter.run", 1, { id: "old" });
  const task = await bus.fork("old", { before: "count" });
  assert.deepEqual(await task.result(), output);
  assert.deepEqual(done, [1, 2, 3, 3]);
});

test("a journal that is too large for one message is forked in several", async (t) => {
  const bus = await shared.connect(t);
  let runs = 0;
  await bus.serve(
    agent("big", {
      skills: {
        run: skill({
          description: "Large results",
          input: z.number(),
          async run(n, task) {
            let bytes = 0;
            for (let i = 0; i < n; i++)
              bytes += (
                await task.step(`s${i}`, () => {
                  runs++;
                  return Buffer.alloc(400_000, i);
                })
              ).length;
            return bytes;
          },
        }),
      },
    }),
    quiet,
  );
  assert.equal(await bus.call("big.run", 6, { id: "old" }), 2_400_000);
  const task = await bus.fork("old", { before: "s5" });
  assert.equal(await task.result(), 2_400_000);
  assert.equal(runs, 7);
});

test("a fork from any place ends as the old task did, and leaves a journal that fits", async (t) => {
  const bus = await shared.connect(t);
  const done = new Map<string, string[]>();
  const web = agent("web", {
    skills: {
      run: skill({
        description: "Does much at once",
        input: z.number(),
        async run(n, task) {
          const does = (name: string, result: number, ms = 0) =>
            task.step(name, async () => {
              if (ms > 0)
                await new Promise((over) => setTimeout(over, ms).unref());
              done.set(task.id, [...(done.get(task.id) ?? []), name]);
              return result;
            });
          const first = await does("first", n);
          const items = await task.map(
            [1, 2, 3, 4],
            async (item) => {
              const x = await does(`x${item}`, item, 5 * (4 - item));
              return does(`y${item}`, x * 2);
            },
            { concurrency: 2 },
          );
          const winner = await task.race([
            does("slow", -1, 60_000), // not over while the test looks
            does("quick", 7),
          ]);
          const [a, b] = await task.all([does("a", 1), task.sleep("3ms")]);
          const last = await does("last", task.random());
          return { first, items, winner, a, b, last };
        },
      }),
    },
  });
  await bus.serve(web, { ...quiet, concurrency: 64 });
  const output = await bus.call("web.run", 3, { id: "old" });
  const { entries } = await bus.journal("old");
  const places = new Set(entries.flatMap((e) => ("op" in e ? e.op : [])));
  const end = Math.max(...places) + 1;
  assert.equal(end, 14);
  await Promise.all(
    Array.from({ length: end + 1 }, async (_, before) => {
      const fork = await bus.fork("old", { before, id: `f${before}` });
      assert.deepEqual(await fork.result(), output, `before ${before}`);
      const { fits, message } = await checkJournal(
        web,
        await bus.journal(fork.id),
      );
      assert.ok(fits, `before ${before}: ${message}`);
      const names = done.get(fork.id) ?? [];
      assert.equal(new Set(names).size, names.length);
    }),
  );
  assert.equal(done.get(`f${end}`), undefined);
});

test("a fork that cannot be says why", async (t) => {
  const { bus } = await saga(t);
  await fails(bus, "old");
  await bus.call("saga.loop", 3, { id: "loop" });
  await bus.call("saga.plain", 1, { id: "plain" });
  const refused = (id: string, before: string | number, message: RegExp) =>
    assert.rejects(bus.fork(id, { before }), {
      code: "ARGUMENT_INVALID",
      message,
    });
  await refused("loop", "sane", /did you mean "same"\?/);
  await refused("old", "hotel", /no operation "hotel": it has "a", "b", "c"/);
  await refused("loop", "same", /say which by its place, one of 0, 1, 2/);
  await refused("loop", 4, /no place 4: .* at 0 to 2, and 3 is its end/);
  await refused("loop", -1, /no place -1/);
  await refused("plain", 0, /has done nothing durable/);
  await assert.rejects(bus.fork("nothing", { before: 0 }), {
    code: "TASK_UNKNOWN",
  });
  await assert.rejects(bus.fork("loop", { before: 1, input: "no" }), {
    code: "INPUT_INVALID",
  });
});

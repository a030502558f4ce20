import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { z } from "zod";
import { agent, skill } from "../../../index.js";
import { eventually } from "../../support/eventually.js";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();
const quiet = { signals: false } as const;

/** Writes down who works on what, and fails the first attempt of every fifth task. */
const ledger = () => {
  const lines: { key: string; at: number }[] = [];
  const open = new Set<string>();
  const overlaps: string[] = [];
  const book = agent("book", {
    skills: {
      enter: skill({
        description: "One line",
        input: z.number(),
        retry: { first: "1ms" },
        async run(at, task) {
          const key = task.key!;
          if (open.has(key)) overlaps.push(`${key} ${at}`);
          open.add(key);
          await turn();
          open.delete(key);
          if (at % 5 === 0 && task.attempt === 1) throw new Error("again");
          lines.push({ key, at });
          return task.attempt;
        },
      }),
    },
  });
  return { book, lines, overlaps };
};

test("tasks with one key are handled one at a time and in order, by two instances, over retries", async (t) => {
  const { book, lines, overlaps } = ledger();
  const [one, other] = [await shared.connect(t), await shared.connect(t)];
  const workers = [
    await one.serve(book, quiet),
    await other.serve(book, quiet),
  ];
  const keys = ["article-7", "ключ", "a b.*>", "x"];
  const results: Promise<unknown>[] = [];
  for (let at = 0; at < 25; at++)
    for (const key of keys) {
      const task = await one.submit(book.skills.enter, at, { key });
      results.push(task.result());
    }
  await Promise.all(results);
  assert.deepEqual(overlaps, []);
  for (const key of keys)
    assert.deepEqual(
      lines.filter((line) => line.key === key).map(({ at }) => at),
      Array.from({ length: 25 }, (_, at) => at),
      key,
    );
  const done = () => workers.map(({ counts }) => counts.completed);
  await eventually(() => done()[0]! + done()[1]! === 100);
});

test("keyed tasks that were submitted before anybody served are found", async (t) => {
  const { book, lines } = ledger();
  const bus = await shared.connect(t);
  const tasks = [];
  for (const at of [1, 2, 3])
    tasks.push(await bus.submit(book.skills.enter, at, { key: "k" }));
  await (await shared.connect(t)).serve(book, quiet);
  await Promise.all(tasks.map((task) => task.result()));
  assert.deepEqual(
    lines.map(({ at }) => at),
    [1, 2, 3],
  );
});

test("a canceled keyed task makes way for the next of its key", async (t) => {
  const { book, lines } = ledger();
  const bus = await shared.connect(t);
  const first = await bus.submit(book.skills.enter, 1, { key: "k" });
  const second = await bus.submit(book.skills.enter, 2, { key: "k" });
  assert.equal(await first.cancel(), true);
  await bus.serve(book, quiet);
  await second.result();
  assert.deepEqual(
    lines.map(({ at }) => at),
    [2],
  );
  await assert.rejects(first.result(), { code: "TASK_CANCELED" });
});

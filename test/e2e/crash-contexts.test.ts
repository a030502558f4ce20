// Stateful agents while their instances are killed -9 at random: every context is in the end the fold of its events
// in order, and every event that it emitted is on the log once. Sizes for a long run by hand: CONTEXTS, EVENTS (each
// context's), KILL_EVERY_MS.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { killChildren, startChild } from "../support/child.js";
import { eventually } from "../support/eventually.js";
import { sharedServer } from "../support/shared-server.js";
import { emptyTally, fold, tally } from "../support/tally.js";

const contexts = Number(process.env["CONTEXTS"] ?? 40);
const events = Number(process.env["EVENTS"] ?? 25);
const killEveryMs = Number(process.env["KILL_EVERY_MS"] ?? 700);

const shared = sharedServer();

test("every context is the fold of its events in order, however often its instances are killed", async (t) => {
  t.after(() => killChildren(t));
  const bus = await shared.connect(t);
  const told = {
    url: shared.server.url,
    namespace: shared.namespaceOf(t),
    concurrency: 32,
  };
  const start = () => startChild<object>(t, "tally-process", told);
  const workers = await Promise.all([start(), start(), start()]);
  let kills = 0;
  let over = false;
  const killing = (async () => {
    while (!over) {
      await wait(killEveryMs * (0.5 + Math.random()));
      const at = Math.floor(Math.random() * workers.length);
      await workers[at]!.kill();
      kills++;
      workers[at] = await start();
    }
  })();
  const startedAt = Date.now();
  const handles = Array.from({ length: contexts }, (_, at) =>
    bus.context(tally, `c.${at} *>`),
  );
  await Promise.all(
    handles.map(async (context, at) => {
      let last;
      for (let n = 0; n < events; n++)
        last = await context.send({ type: "ADD", n: at * n });
      await last?.result({ timeout: "10m" });
    }),
  );
  const seconds = (Date.now() - startedAt) / 1000;
  over = true;
  await killing;
  for (const [at, context] of handles.entries()) {
    const numbers = Array.from({ length: events }, (_, n) => at * n);
    const snapshot = await context.snapshot();
    assert.deepEqual(snapshot?.context, numbers.reduce(fold, emptyTally));
    const emitted = [];
    for await (const { event } of context.emitted()) emitted.push(event);
    assert.deepEqual(
      emitted,
      numbers.map((n, index) => ({ type: "added", n, count: index + 1 })),
    );
  }
  await eventually(async () => (await bus.tasks()).every(isOver));
  t.diagnostic(
    `${contexts * events} events of ${contexts} contexts in ${seconds.toFixed(1)} s, ${kills} kills`,
  );
});

const isOver = ({ state }: { state: string }) => state === "completed";

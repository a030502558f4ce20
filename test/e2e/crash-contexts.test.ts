// Stateful agents while their instances are killed -9 at random: every context is in the end the fold of its events
// in order, and every event that it emitted is on the log once. Sizes for a long run by hand: CONTEXTS, EVENTS (each
// context's), KILL_EVERY_MS.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { connect, type Context } from "../../index.js";
import { killChildren, startChild } from "../support/child.js";
import { eventually } from "../support/eventually.js";
import { sharedServer } from "../support/shared-server.js";
import { testServer } from "../support/server.js";
import {
  emptyTally,
  fold,
  tally,
  type tallyMachine,
} from "../support/tally.js";

const contexts = Number(process.env["CONTEXTS"] ?? 24);
const events = Number(process.env["EVENTS"] ?? 20);
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
  for (const [at, context] of handles.entries())
    await isFold(context, numbersOf(at, events));
  await eventually(async () => (await bus.tasks()).every(isOver));
  t.diagnostic(
    `${contexts * events} events of ${contexts} contexts in ${seconds.toFixed(1)} s, ${kills} kills`,
  );
});

test("a server that is killed over and over makes no event of a context be lost or applied twice", async () => {
  await using server = await testServer();
  await using bus = await connect({ url: server.url });
  await bus.serve(tally, { ackWait: "1s" });
  const handles = Array.from({ length: 20 }, (_, at) =>
    bus.context(tally, `c${at}`),
  );
  let over = false;
  const killing = (async () => {
    for (let kills = 0; kills < 3 && !over; kills++) {
      await wait(300 + Math.random() * 300);
      await server.kill();
      await server.restart();
    }
  })();
  const each = 30;
  await Promise.all(
    handles.map(async (context, at) => {
      let last;
      for (const n of numbersOf(at, each))
        last = await context.send({ type: "ADD", n });
      await last?.result({ timeout: "2m" });
    }),
  );
  over = true;
  await killing;
  for (const [at, context] of handles.entries())
    await isFold(context, numbersOf(at, each));
});

test("an instance that is frozen keeps none of its contexts waiting, and does no harm when it wakes", async (t) => {
  t.after(() => killChildren(t));
  const bus = await shared.connect(t);
  const told = {
    url: shared.server.url,
    namespace: shared.namespaceOf(t),
    concurrency: 32,
  };
  const start = () => startChild<object>(t, "tally-process", told);
  const workers = [await start(), await start()];
  const handles = Array.from({ length: 40 }, (_, at) =>
    bus.context(tally, `c${at}`),
  );
  const numbers: number[] = [];
  const add = async (n: number) => {
    numbers.push(n);
    const tasks = await Promise.all(
      handles.map((context) => context.send({ type: "ADD", n })),
    );
    return Promise.all(tasks.map((task) => task.result({ timeout: "30s" })));
  };
  await add(1);
  for (const worker of workers) {
    await add(2);
    const adding = add(3);
    worker.signal("SIGSTOP"); // in the midst of it
    await adding;
    await add(4);
    worker.signal("SIGCONT");
  }
  await add(5);
  for (const context of handles) await isFold(context, numbers);
});

test("a queue that is deleted and made anew counts from one again, and its events are applied", async (t) => {
  const link = await shared.link(t);
  const numbers = [];
  for (const round of [0, 1, 2]) {
    const bus = await shared.connect(t);
    const worker = await bus.serve(tally);
    for (let n = round * 10; n < round * 10 + 3 - round; n++) {
      numbers.push(n);
      await bus.context(tally, "c").call({ type: "ADD", n });
    }
    await worker.drain();
    await isFold(bus.context(tally, "c"), numbers);
    await link.jsm.streams.delete(link.subjects.queue("tally"));
  }
});

const numbersOf = (at: number, count: number) =>
  Array.from({ length: count }, (_, n) => at * n);

async function isFold(
  context: Pick<Context<typeof tallyMachine>, "snapshot" | "emitted">,
  numbers: number[],
): Promise<void> {
  const snapshot = await context.snapshot();
  assert.deepEqual(snapshot?.context, numbers.reduce(fold, emptyTally));
  const emitted = [];
  for await (const { event } of context.emitted()) emitted.push(event);
  assert.deepEqual(
    emitted,
    numbers.map((n, index) => ({ type: "added", n, count: index + 1 })),
  );
}

const isOver = ({ state }: { state: string }) => state === "completed";

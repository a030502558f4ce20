// Priority over a real worker process (R6): the levels share as they should, and what is critical overtakes a long
// queue.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Bus, Level } from "../../index.js";
import { levels, levelWeights } from "../../protocol/levels.js";
import { eventually } from "../support/eventually.js";
import { hand, newDiary, readDiary, startHand } from "../support/hands.js";
import { sharedServer } from "../support/shared-server.js";

const shared = sharedServer();
const concurrency = 4;

async function fill(bus: Bus, priority: Level, total: number, ms: number) {
  const batch = 5_000;
  const submit = () =>
    bus.submit(hand.skills.work, { ms, note: priority }, { priority });
  for (let left = total; left > 0; left -= batch)
    await Promise.all(Array.from({ length: Math.min(left, batch) }, submit));
}

const startsIn = async (diary: string) =>
  (await readDiary(diary)).filter(({ what }) => what === "start");

test("levels with a backlog share a worker near 8:4:2:1, and each makes progress", async (t) => {
  const bus = await shared.connect(t);
  const diary = await newDiary(t);
  const place = { url: bus.url, namespace: bus.namespace };
  for (const level of levels) await fill(bus, level, 400, 2);
  await startHand(t, { ...place, diary, concurrency });
  const total = 600; // of which the critical ones are 320
  await eventually(async () => (await startsIn(diary)).length >= total);
  const first = (await startsIn(diary)).slice(0, total);
  const counts = levels.map(
    (level) => first.filter(({ note }) => note === level).length,
  );
  t.diagnostic(levels.map((level, at) => `${level} ${counts[at]}`).join(", "));
  for (const [at, level] of levels.entries()) {
    const share = (levelWeights[level] / 15) * total;
    assert.ok(
      counts[at]! > share * 0.75 && counts[at]! < share * 1.25,
      `${level} had ${counts[at]} of ${total}, and ${Math.round(share)} are its share`,
    );
  }
});

test("a critical task starts within a few handlers although 100,000 low ones wait", async (t) => {
  const bus = await shared.connect(t);
  const diary = await newDiary(t);
  const place = { url: bus.url, namespace: bus.namespace };
  const began = Date.now();
  await fill(bus, "low", 100_000, 20);
  const filledMs = Date.now() - began;
  await startHand(t, { ...place, diary, concurrency });
  await eventually(async () => (await startsIn(diary)).length > 20);
  const overtaken: number[] = [];
  const waitedMs: number[] = [];
  for (let round = 0; round < 10; round++) {
    const before = (await startsIn(diary)).length;
    const submittedAt = Date.now();
    const task = await bus.submit(
      hand.skills.work,
      { ms: 20, note: "critical" },
      { priority: "critical" },
    );
    await task.result();
    waitedMs.push(Date.now() - submittedAt);
    const starts = await startsIn(diary);
    overtaken.push(starts.findIndex(({ id }) => id === task.id) - before);
  }
  t.diagnostic(
    `filled in ${filledMs} ms; low ones begun before the critical: ${overtaken.join(" ")}; ended after ms: ${waitedMs.join(" ")}`,
  );
  for (const count of overtaken) assert.ok(count <= 3 * concurrency);
});

// Order by key (R4) while workers are killed -9 at random: what each handler begins and finishes is in a diary that
// survives them.
import { test } from "node:test";
import { audit } from "../support/audit.js";
import { eventually } from "../support/eventually.js";
import { hand, newDiary, readDiary, startHand } from "../support/hands.js";
import { checkOrder } from "../support/key-order.js";
import { sharedServer } from "../support/shared-server.js";

const shared = sharedServer();
const rounds = Number(process.env["TROUPE_KILLS"] ?? 8);
const keys = Array.from({ length: 12 }, (_, at) => `key-${at}`);

test("tasks of one key are handled one at a time and in order while three workers are killed at random", async (t) => {
  const bus = await shared.connect(t);
  const diary = await newDiary(t);
  const place = { url: bus.url, namespace: bus.namespace };
  const start = () => startHand(t, { ...place, diary, concurrency: 8 });
  const workers = await Promise.all([start(), start(), start()]);
  const accepted: string[] = [];
  const submitted = new Map<string, number>();
  const submitOne = async (key: string) => {
    const n = submitted.get(key) ?? 0;
    submitted.set(key, n + 1);
    const input = { ms: 5 + (n % 4) * 5, note: `${key} ${n}` };
    accepted.push((await bus.submit(hand.skills.work, input, { key })).id);
  };
  const killed = new Set<number>();
  for (let round = 0; round < rounds; round++) {
    for (let n = 0; n < 8; n++) await Promise.all(keys.map(submitOne));
    const seen = (await readDiary(diary)).length;
    await eventually(
      async () => (await readDiary(diary)).length > seen + Math.random() * 60,
    );
    const at = Math.floor(Math.random() * workers.length);
    const victim = workers[at]!;
    killed.add(victim.pid);
    await victim.kill();
    workers[at] = await start();
  }
  await Promise.all(accepted.map((id) => bus.task(id).result()));
  await audit({ ...place, accepted });
  const entries = await readDiary(diary);
  const repeats = keys.map((key) =>
    checkOrder(key, entries, submitted.get(key)!, killed),
  );
  t.diagnostic(
    `${rounds} kills, ${accepted.length} tasks, ${repeats.reduce((a, b) => a + b, 0)} begun again`,
  );
});

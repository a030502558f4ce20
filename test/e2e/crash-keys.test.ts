// Order by key (R4) while workers are killed -9 at random: what each handler begins and finishes is in a diary that
// survives them.
import { test } from "node:test";
import { audit } from "../support/audit.js";
import { newDiary, startHand } from "../support/hands.js";
import { KeyedTasks } from "../support/key-order.js";
import { sharedServer } from "../support/shared-server.js";

const shared = sharedServer();
const rounds = Number(process.env["TROUPE_KILLS"] ?? 5);

test("tasks of one key are handled one at a time and in order while three workers are killed at random", async (t) => {
  const bus = await shared.connect(t);
  const diary = await newDiary(t);
  const place = { url: bus.url, namespace: bus.namespace };
  const start = () => startHand(t, { ...place, diary, concurrency: 8 });
  const workers = await Promise.all([start(), start(), start()]);
  const tasks = new KeyedTasks(bus, diary);
  const killed = new Set<number>();
  for (let round = 0; round < rounds; round++) {
    await tasks.submitMore();
    await tasks.untilSomeRan();
    const at = Math.floor(Math.random() * workers.length);
    const victim = workers[at]!;
    killed.add(victim.pid);
    await victim.kill();
    workers[at] = await start();
  }
  await tasks.untilAllEnded();
  const { accepted } = tasks;
  await audit({ ...place, accepted });
  const repeats = await tasks.checkOrder(killed);
  t.diagnostic(
    `${rounds} kills, ${accepted.length} tasks, ${repeats} begun again`,
  );
});

// Two versions of an agent in processes of their own, while their split is changed under load: every process
// follows, nothing is lost or doubled, and keys keep their order (R1, R4).
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { decodeTime } from "ulid";
import type { TaskEvent } from "../../index.js";
import { audit } from "../support/audit.js";
import { startChild } from "../support/child.js";
import { eventually } from "../support/eventually.js";
import { newDiary, startHand } from "../support/hands.js";
import { KeyedTasks } from "../support/key-order.js";
import { sharedServer } from "../support/shared-server.js";

const shared = sharedServer();

interface Place {
  url: string;
  namespace: string;
}

const isOf = (lane: string) => (end: TaskEvent) =>
  (end.lane ?? "main") === lane;

/** So soon at the latest, a change holds for every process. */
const followsWithinMs = 1_000;

async function startSubmitters(t: TestContext, place: Place, count: number) {
  const submitters = await Promise.all(
    Array.from({ length: count }, () =>
      startChild<{ accepted: string }>(t, "submitter-process", {
        ...place,
        lanes: 1,
        ms: 2,
      }),
    ),
  );
  const accepted = () =>
    submitters.flatMap(({ said }) => said.map((line) => line.accepted));
  return {
    accepted,
    /** So many more of them were accepted. */
    more: async (count: number) => {
      const before = accepted().length;
      await eventually(() => accepted().length >= before + count, {
        what: `${count} more tasks`,
        timeoutMs: 30_000,
      });
    },
    end: () => Promise.all(submitters.map((submitter) => submitter.kill())),
  };
}

test("every process follows a split, a promotion and a rollback within a second, and nothing is lost", async (t) => {
  const bus = await shared.connect(t);
  const place = { url: bus.url, namespace: bus.namespace };
  await newDiary(t); // kills the children before the server goes
  await Promise.all(
    ["main", "canary"].map((lane) =>
      startHand(t, { ...place, lane, concurrency: 64 }),
    ),
  );
  const submitters = await startSubmitters(t, place, 2);
  /** From when to when which lane got what share. */
  const phases: { from: number; to: number; canary: number }[] = [];
  const phase = async (canary: number) => {
    const from = Date.now() + followsWithinMs;
    await eventually(() => Date.now() > from);
    await submitters.more(300);
    phases.push({ from, to: Date.now(), canary });
  };
  await submitters.more(50);
  await bus.lanes.split("hand", { main: 80, canary: 20 });
  await phase(0.2);
  await bus.lanes.promote("hand", "canary");
  await phase(1);
  await bus.lanes.rollback("hand");
  await phase(0.2);
  await bus.lanes.clear("hand");
  await phase(0);
  await submitters.end();
  const accepted = submitters.accepted();
  for (const lane of ["main", "canary"])
    await eventually(
      async () => {
        const { waiting, inHand } = await bus.backlog("hand", lane);
        return waiting + inHand === 0;
      },
      { timeoutMs: 30_000 },
    );
  const { ends } = await audit({ ...place, accepted });
  for (const { from, to, canary } of phases) {
    const ofPhase = [...ends.values()].filter(({ taskId }) => {
      const at = decodeTime(taskId);
      return at >= from && at < to;
    });
    const share = ofPhase.filter(isOf("canary")).length / ofPhase.length;
    assert.ok(ofPhase.length >= 250, `${ofPhase.length} tasks`);
    // A process that stood still for the whole second may send one or two before it hears of the change.
    const tolerance = canary % 1 === 0 ? 0.02 : 0.1;
    assert.ok(
      Math.abs(share - canary) <= tolerance,
      `canary got ${share} instead of ${canary}`,
    );
  }
  t.diagnostic(`${accepted.length} accepted, ${ends.size} ended`);
});

test("keys keep their order while lanes are split, promoted and rolled back and workers are killed", async (t) => {
  const rounds = Number(process.env["TROUPE_LANE_ROUNDS"] ?? 5);
  const bus = await shared.connect(t);
  const diary = await newDiary(t);
  const place = { url: bus.url, namespace: bus.namespace };
  const lanes = ["main", "main", "canary", "canary"];
  const start = (lane: string) =>
    startHand(t, { ...place, diary, concurrency: 8, lane });
  const workers = await Promise.all(lanes.map(start));
  const changes = [
    () => bus.lanes.split("hand", { main: 1, canary: 1 }),
    () => bus.lanes.promote("hand", "canary"),
    () => bus.lanes.rollback("hand"),
    () => bus.lanes.split("hand", { main: 90, canary: 10 }),
    () => bus.lanes.promote("hand", "main"),
  ];
  const tasks = new KeyedTasks(bus, diary);
  const killed = new Set<number>();
  for (let round = 0; round < rounds; round++) {
    await tasks.submitMore();
    await changes[round % changes.length]!();
    await tasks.untilSomeRan();
    if (round % 2 === 0) continue;
    const at = round % workers.length;
    const victim = workers[at]!;
    killed.add(victim.pid);
    await victim.kill();
    workers[at] = await start(lanes[at]!);
  }
  await tasks.untilAllEnded();
  const { accepted } = tasks;
  const { ends } = await audit({ ...place, accepted });
  const repeats = await tasks.checkOrder(killed);
  for (const lane of ["main", "canary"])
    assert.ok([...ends.values()].some(isOf(lane)), `${lane} did none`);
  t.diagnostic(
    `${rounds} changes, ${killed.size} kills, ${accepted.length} tasks, ${repeats} begun again`,
  );
});

// Tasks that kill their workers, and two workers that both believe they hold a task.
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { audit } from "../support/audit.js";
import type { Child } from "../support/child.js";
import { eventually } from "../support/eventually.js";
import {
  hand,
  newDiary,
  readDiary,
  startHand,
  type HandOptions,
} from "../support/hands.js";
import { sharedServer } from "../support/shared-server.js";

const shared = sharedServer();

async function opened(t: TestContext) {
  const bus = await shared.connect(t);
  const diary = await newDiary(t);
  const place = { url: bus.url, namespace: bus.namespace };
  return { bus, place, diary, options: { ...place, diary } };
}

/** Starts another whenever one is dead, until it is disposed of. */
function supervise(t: TestContext, options: HandOptions, count: number) {
  let ending = false;
  let deaths = 0;
  const living = new Set<Child<object>>();
  const place = async () => {
    while (!ending) {
      const child = await startHand(t, options);
      living.add(child);
      if (ending) await child.kill();
      await child.ended;
      living.delete(child);
      deaths++;
    }
  };
  const places = Array.from({ length: count }, place);
  return {
    deaths: () => deaths,
    async [Symbol.asyncDispose]() {
      ending = true;
      for (const child of living) await child.kill();
      await Promise.all(places);
    },
  };
}

test("a task that kills its worker each time becomes a dead letter, and those beside it complete", async (t) => {
  const { bus, place, diary, options } = await opened(t);
  await using workers = supervise(t, { ...options, concurrency: 8 }, 2);
  const submit = (skill: "work" | "die", ms: number, note: string) =>
    bus.submit(hand.skills[skill], { ms, note });
  const innocent = [];
  const deadly = [];
  for (let at = 0; at < 200; at++) {
    innocent.push(await submit("work", 40, String(at)));
    if (at === 20 || at === 90) deadly.push(await submit("die", 0, "deadly"));
  }
  const results = await Promise.all(innocent.map((task) => task.result()));
  assert.deepEqual(
    results.map((result) => (result as { note: string }).note),
    innocent.map((_, at) => String(at)),
  );
  for (const task of deadly)
    await assert.rejects(task.result(), {
      code: "WORKER_LOST",
      message: /hand\.die .* redrive the dead letter/,
    });
  const dead = deadly.map(({ id }) => id);
  await audit({ ...place, accepted: innocent.map(({ id }) => id), dead });
  const starts = await readDiary(diary);
  t.diagnostic(
    `${workers.deaths()} deaths, ${starts.filter(({ note }) => note === "deadly").length} starts of the deadly`,
  );
  for await (const letter of bus.deadLetters())
    assert.equal(letter.code, "WORKER_LOST");
});

test("a task kills as many workers as its skill allows, and its error says how many", async (t) => {
  const { bus, diary, options } = await opened(t);
  await using workers = supervise(t, { ...options, concurrency: 1 }, 1);
  const allowed = 2; // makeHand says so
  const task = await bus.submit(hand.skills.die, { note: "deadly" });
  await assert.rejects(task.result(), {
    code: "WORKER_LOST",
    message: /hand\.die died or vanished 1 or 2 times .* redrive the dead/,
  });
  assert.equal((await readDiary(diary)).length, allowed);
  assert.equal(workers.deaths(), allowed);
});

test("a task whose worker was killed between its dead letter and its end is not tried again", async (t) => {
  const { bus, place, diary, options } = await opened(t);
  const victim = await startHand(t, { ...options, diesBeforeFailed: true });
  const task = await bus.submit(hand.skills.fail, {});
  assert.equal(await victim.ended, "SIGKILL");
  await startHand(t, options); // there it would succeed
  await assert.rejects(task.result(), {
    code: "HANDLER_FAILED",
    message: "a late failure",
  });
  const starts = (await readDiary(diary)).filter(
    ({ what }) => what === "start",
  );
  assert.equal(starts.length, 1);
  const { ends } = await audit({
    ...place,
    accepted: [task.id],
    dead: [task.id],
  });
  const end = ends.get(task.id);
  assert.deepEqual([end?.kind, end?.attempt], ["failed", 1]);
  assert.equal(end?.skill, "fail");
});

for (const skill of ["work", "fail"] as const) {
  const late = skill === "work" ? "completes it" : "fails at it";
  test(`of two workers that both hold a task, the late one ${late} in vain`, async (t) => {
    const { bus, place, diary, options } = await opened(t);
    const total = 20;
    const stopped = await startHand(t, { ...options, concurrency: total });
    const submit = () =>
      bus.submit(hand.skills[skill], { ms: 200, note: "contested" });
    const tasks = await Promise.all(Array.from({ length: total }, submit));
    await eventually(async () => (await readDiary(diary)).length === total);
    stopped.signal("SIGSTOP");
    const other = await startHand(t, { ...options, concurrency: total });
    const results = await Promise.all(tasks.map((task) => task.result()));
    for (const result of results)
      assert.equal((result as { pid: number }).pid, other.pid);
    stopped.signal("SIGCONT");
    // It finishes all that it has in hand, as it believes.
    stopped.signal("SIGTERM");
    assert.equal(await stopped.ended, "SIGTERM");
    const finished = (await readDiary(diary)).filter(
      ({ what, pid }) => what === "finish" && pid === stopped.pid,
    );
    assert.equal(finished.length, total);
    const accepted = tasks.map(({ id }) => id);
    const told = new Map(accepted.map((id, at) => [id, results[at]]));
    const { ends } = await audit({ ...place, accepted, told });
    assert.equal(ends.size, total);
  });
}

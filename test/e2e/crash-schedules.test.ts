// Schedules whose firers are killed -9 or frozen between any two of their steps, or have another clock, and whose
// server dies: each firing becomes exactly one task.
import assert from "node:assert/strict";
import { describe, test, type TestContext } from "node:test";
import { lastMessage } from "../../bus/history/history.js";
import { connect, type Bus } from "../../index.js";
import { eventually } from "../support/eventually.js";
import {
  anyCounter,
  assertUnbroken,
  countFirings,
  oldestFirst,
  startFirer,
  type FirerOptions,
  type Step,
} from "../support/schedules.js";
import { testServer } from "../support/server.js";
import { sharedServer } from "../support/shared-server.js";

const shared = sharedServer();
const kills = Number(process.env["TROUPE_KILLS"] ?? 2);
const everySecond = { every: "1s" } as const;
const caughtUp = { missed: "catch up" } as const;
const patient = { timeoutMs: 60_000 };

const steps: NonNullable<FirerOptions["at"]>[] = (
  ["taken", "task", "done", "wake-up"] as Step[]
).flatMap((step) => [
  { step, when: "before" as const },
  { step, when: "after" as const },
]);
steps.push({ step: "acknowledged", when: "before" });

/** The agent is known then. */
async function servedOnce(t: TestContext): Promise<Bus> {
  const bus = await shared.connect(t);
  await countFirings(bus);
  return bus;
}

const names = Array.from({ length: 6 }, (_, at) => `tick-${at}`);
/** Half of them go to whom is chosen at each firing. */
const targetOf = (at: number) => (at % 2 === 0 ? "doer.do" : anyCounter);

describe("schedules", { concurrency: 3 }, () => {
  test("fire once each second while those who fire them are killed between any two of their steps", async (t) => {
    const bus = await shared.connect(t);
    const firings = await countFirings(bus);
    const place = { url: bus.url, namespace: bus.namespace };
    const doomed = await Promise.all(
      steps.map((at) => startFirer(t, { ...place, at })),
    );
    for (const [at, name] of names.entries())
      await bus.schedule(name, everySecond, targetOf(at), 1, caughtUp);
    const ended = await Promise.all(doomed.map((each) => each.ended));
    assert.deepEqual(
      ended,
      steps.map(() => "SIGKILL"),
    );
    const now = Date.now();
    await eventually(
      () => names.every((name) => (firings.get(name)?.at(-1) ?? 0) > now),
      patient,
    );
    await Promise.all(names.map((name) => bus.schedules.delete(name)));
    for (const name of names) assertUnbroken(name, firings.get(name)!);
    const count = [...firings.values()].flat().length;
    t.diagnostic(`${steps.length} kills, ${count} firings, none lost or twice`);
  });

  test("fire once each second while one firer after another is killed at any moment", async (t) => {
    const bus = await shared.connect(t);
    const firings = await countFirings(bus);
    const place = { url: bus.url, namespace: bus.namespace };
    for (const [at, name] of names.entries())
      await bus.schedule(name, everySecond, targetOf(at), 1, caughtUp);
    let [victim, other] = await Promise.all([
      startFirer(t, place),
      startFirer(t, place),
    ]);
    let fired = 0;
    for (let round = 0; round < kills; round++) {
      const { said } = victim;
      await eventually(() => said.some((line) => line.fired), patient);
      await victim.kill();
      fired += said.length - 1;
      [victim, other] = [other, await startFirer(t, place)];
    }
    const now = Date.now();
    await eventually(
      () => names.every((name) => (firings.get(name)?.at(-1) ?? 0) > now),
      patient,
    );
    await Promise.all(names.map((name) => bus.schedules.delete(name)));
    for (const name of names) assertUnbroken(name, firings.get(name)!);
    const count = [...firings.values()].flat().length;
    t.diagnostic(
      `${kills} kills, ${count} firings, ${fired} of them by who was killed`,
    );
  });

  test("a firer that was frozen with a firing in hand brings no task after the pause, and none twice", async (t) => {
    const bus = await shared.connect(t);
    const firings = await countFirings(bus);
    const place = { url: bus.url, namespace: bus.namespace };
    const at = { step: "task", when: "before", freezes: true } as const;
    const firer = await startFirer(t, { ...place, at });
    await bus.schedule("p", everySecond, "doer.do", 1, caughtUp);
    // Its second task is what it was frozen over.
    const frozen = () => firer.said.filter((line) => line.fired).length === 2;
    await eventually(frozen, patient);
    const { last } = await bus.schedules.pause("p");
    const until = last!.at.getTime();
    await eventually(() => firings.get("p")?.includes(until), patient);
    const before = oldestFirst(firings.get("p")!);
    firer.signal("SIGCONT");
    // What it sends late is on the server before what it sends then.
    await bus.schedules.resume("p");
    await eventually(
      () => firings.get("p")!.length > before.length + 1,
      patient,
    );
    await bus.schedules.delete("p");
    const times = firings.get("p")!;
    assert.equal(new Set(times).size, times.length);
    assert.deepEqual(oldestFirst(times).slice(0, before.length), before);
    assertUnbroken("p before", before);
  });

  test("a wake-up stands until the firing that it led to is done and the next one is set", async (t) => {
    await (await servedOnce(t)).close();
    const bus = await shared.connect(t);
    const link = await shared.link(t);
    const place = { url: bus.url, namespace: bus.namespace };
    const { subjects } = link;
    for (const step of ["taken", "wake-up"] as const) {
      const at = { step, when: "before" } as const;
      const firer = await startFirer(t, { ...place, at });
      await bus.schedule(step, everySecond, "doer.do", 1, caughtUp);
      assert.equal(await firer.ended, "SIGKILL");
      const subject = subjects.wokenUp({ name: step });
      assert.ok(await lastMessage(link, subjects.streams.timers, subject));
      await bus.schedules.delete(step);
    }
  });

  test("no task comes after a pause or a deletion in the midst of firings, and none before it is lost", async (t) => {
    const bus = await shared.connect(t);
    const firings = await countFirings(bus);
    const place = { url: bus.url, namespace: bus.namespace };
    await Promise.all([startFirer(t, place), startFirer(t, place)]);
    for (const [at, name] of names.entries())
      await bus.schedule(name, everySecond, targetOf(at), 1, caughtUp);
    await eventually(() => firings.size === names.length, patient);
    const stopped = new Map<string, number>();
    // As close to their firing as it goes, some before and some after.
    const dueAt = Math.ceil(Date.now() / 1_000) * 1_000 + 1_000;
    for (const [at, name] of names.entries()) {
      await eventually(() => Date.now() >= dueAt + at * 40, patient);
      if (at % 2) await bus.schedules.delete(name);
      else await bus.schedules.pause(name);
      stopped.set(name, Date.now());
    }
    await bus.schedule("later", everySecond, "doer.do", 1);
    await eventually(() => (firings.get("later")?.length ?? 0) >= 2, patient);
    await bus.schedules.delete("later");
    const lastOf = (name: string) => Math.max(...firings.get(name)!);
    for (const { name, last } of await bus.schedules.list())
      await eventually(() => lastOf(name) === last!.at.getTime(), patient);
    for (const name of names) {
      assertUnbroken(name, firings.get(name)!);
      assert.ok(lastOf(name) <= stopped.get(name)!);
    }
  });

  test("the server's clock decides where those of the firers are an hour wrong", async (t) => {
    const bus = await shared.connect(t);
    const firings = await countFirings(bus);
    const place = { url: bus.url, namespace: bus.namespace };
    const hour = 3_600_000;
    const [slow, fast] = await Promise.all([
      startFirer(t, { ...place, clockShiftMs: -hour }),
      startFirer(t, { ...place, clockShiftMs: hour }),
    ]);
    for (const [{ said }, shift] of [
      [slow, -hour],
      [fast, hour],
    ] as const)
      assert.ok(Math.abs(said[0]!.ready! - shift - Date.now()) < hour / 2);
    const startedAt = Date.now();
    for (const name of names)
      await bus.schedule(name, everySecond, "doer.do", 1);
    const hasFired = ({ said }: typeof slow) => said.some((line) => line.fired);
    await eventually(() => hasFired(slow) && hasFired(fast), patient);
    await eventually(() => firings.size === names.length, patient);
    await Promise.all(names.map((name) => bus.schedules.delete(name)));
    for (const name of names) {
      assertUnbroken(name, firings.get(name)!);
      for (const time of firings.get(name)!)
        assert.ok(time > startedAt && time <= Date.now() + 100);
    }
  });

  test("the server is killed over firings, and none is lost or comes twice", async (t) => {
    const rounds = Math.ceil(kills / 4);
    await using server = await testServer();
    await using bus = await connect({ url: server.url });
    const firings = await countFirings(bus);
    await startFirer(t, { url: server.url, namespace: "troupe" });
    for (const [at, name] of names.entries())
      await bus.schedule(name, everySecond, targetOf(at), 1, caughtUp);
    for (let round = 0; round < rounds; round++) {
      const count = [...firings.values()].flat().length;
      await eventually(
        () => [...firings.values()].flat().length > count + round * 5,
        patient,
      );
      await server.kill();
      await server.restart();
    }
    const now = Date.now();
    await eventually(
      () => names.every((name) => (firings.get(name)?.at(-1) ?? 0) > now),
      patient,
    );
    await Promise.all(names.map((name) => bus.schedules.delete(name)));
    for (const name of names) assertUnbroken(name, firings.get(name)!);
    const count = [...firings.values()].flat().length;
    t.diagnostic(`${rounds} kills of the server, ${count} firings`);
  });
});

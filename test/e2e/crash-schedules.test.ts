// Schedules whose firers are killed -9 or frozen between any two of their steps, or have another clock, and whose
// server dies: each firing becomes exactly one task.
import assert from "node:assert/strict";
import { describe, test, type TestContext } from "node:test";
import { lastMessage } from "../../bus/history/stored.js";
import { connect } from "../../index.js";
import {
  assertUnbroken,
  oldestFirst,
  Ticking,
  type Firer,
  type FirerOptions,
  type Step,
} from "../support/schedules.js";
import { testServer } from "../support/server.js";
import { sharedServer } from "../support/shared-server.js";

const shared = sharedServer();
const kills = Number(process.env["TROUPE_KILLS"] ?? 2);

const steps: NonNullable<FirerOptions["at"]>[] = (
  ["taken", "task", "done", "wake-up"] as Step[]
).flatMap((step) => [
  { step, when: "before" as const },
  { step, when: "after" as const },
]);
steps.push({ step: "acknowledged", when: "before" });

const ticking = async (t: TestContext) =>
  Ticking.on(t, await shared.connect(t));

const names = Array.from({ length: 6 }, (_, at) => `tick-${at}`);

describe("schedules", { concurrency: 3 }, () => {
  test("fire once each second while those who fire them are killed between any two of their steps", async (t) => {
    const at = await ticking(t);
    const doomed = await Promise.all(
      steps.map((step) => at.startFirer({ at: step })),
    );
    await at.add(names);
    const ended = await Promise.all(doomed.map((each) => each.ended));
    assert.deepEqual(
      ended,
      steps.map(() => "SIGKILL"),
    );
    await at.assertGoingOn(names);
    t.diagnostic(
      `${steps.length} kills, ${at.count} firings, none lost or twice`,
    );
  });

  test("fire once each second while one firer after another is killed at any moment", async (t) => {
    const at = await ticking(t);
    await at.add(names);
    let [victim, other] = await Promise.all([at.startFirer(), at.startFirer()]);
    let fired = 0;
    for (let round = 0; round < kills; round++) {
      const { said } = victim;
      await at.until(() => hasFired(victim));
      await victim.kill();
      fired += said.length - 1;
      [victim, other] = [other, await at.startFirer()];
    }
    await at.assertGoingOn(names);
    t.diagnostic(
      `${kills} kills, ${at.count} firings, ${fired} of them by who was killed`,
    );
  });

  test("a firer that was frozen with a firing in hand brings no task after the pause, and none twice", async (t) => {
    const at = await ticking(t);
    const { bus, firings } = at;
    const firer = await at.startFirer({
      at: { step: "task", when: "before", freezes: true },
    });
    await at.add(["p"]);
    // Its second task is what it was frozen over.
    await at.until(() => firer.said.filter(({ fired }) => fired).length === 2);
    const { last } = await bus.schedules.pause("p");
    const until = last!.at.getTime();
    await at.until(() => firings.get("p")?.includes(until));
    const before = oldestFirst(firings.get("p")!);
    firer.signal("SIGCONT");
    // What it sends late is on the server before what it sends then.
    await bus.schedules.resume("p");
    await at.until(() => firings.get("p")!.length > before.length + 1);
    await bus.schedules.delete("p");
    const times = firings.get("p")!;
    assert.equal(new Set(times).size, times.length);
    assert.deepEqual(oldestFirst(times).slice(0, before.length), before);
    assertUnbroken("p before", before);
  });

  test("a wake-up stands until the firing that it led to is done and the next one is set", async (t) => {
    const known = await ticking(t);
    await known.bus.close(); // nobody but the firers is to fire
    const at = new Ticking(t, await shared.connect(t));
    const link = await shared.link(t);
    const { subjects } = link;
    for (const step of ["taken", "wake-up"] as const) {
      const firer = await at.startFirer({ at: { step, when: "before" } });
      await at.add([step]);
      assert.equal(await firer.ended, "SIGKILL");
      const subject = subjects.wokenUp({ name: step });
      assert.ok(await lastMessage(link, subjects.streams.timers, subject));
      await at.bus.schedules.delete(step);
    }
  });

  test("no task comes after a pause or a deletion in the midst of firings, and none before it is lost", async (t) => {
    const at = await ticking(t);
    const { schedules } = at.bus;
    await Promise.all([at.startFirer(), at.startFirer()]);
    await at.add(names);
    await at.until(() => at.firings.size === names.length);
    const stopped = new Map<string, number>();
    // As close to their firing as it goes, some before and some after.
    const dueAt = Math.ceil(Date.now() / 1_000) * 1_000 + 1_000;
    for (const [place, name] of names.entries()) {
      await at.until(() => Date.now() >= dueAt + place * 40);
      if (place % 2) await schedules.delete(name);
      else await schedules.pause(name);
      stopped.set(name, Date.now());
    }
    await at.add(["later"], {});
    await at.until(() => (at.firings.get("later")?.length ?? 0) >= 2);
    await schedules.delete("later");
    for (const { name, last } of await schedules.list())
      await at.until(() => at.lastOf(name) === last!.at.getTime());
    for (const name of names) {
      assertUnbroken(name, at.firings.get(name)!);
      assert.ok(at.lastOf(name) <= stopped.get(name)!);
    }
  });

  test("the server's clock decides where those of the firers are an hour wrong", async (t) => {
    const at = await ticking(t);
    const hour = 3_600_000;
    const [slow, fast] = await Promise.all([
      at.startFirer({ clockShiftMs: -hour }),
      at.startFirer({ clockShiftMs: hour }),
    ]);
    for (const [{ said }, shift] of [
      [slow, -hour],
      [fast, hour],
    ] as const)
      assert.ok(Math.abs(said[0]!.ready! - shift - Date.now()) < hour / 2);
    const startedAt = Date.now();
    await at.add(names, {});
    await at.until(() => hasFired(slow) && hasFired(fast));
    await at.until(() => at.firings.size === names.length);
    await at.end(names);
    for (const time of [...at.firings.values()].flat())
      assert.ok(time > startedAt && time <= Date.now() + 100);
  });

  test("the server is killed over firings, and none is lost or comes twice", async (t) => {
    const rounds = Math.ceil(kills / 4);
    await using server = await testServer();
    await using bus = await connect({ url: server.url });
    const at = await Ticking.on(t, bus);
    await at.startFirer();
    await at.add(names);
    for (let round = 0; round < rounds; round++) {
      const { count } = at;
      await at.until(() => at.count > count + round * 5);
      await server.kill();
      await server.restart();
    }
    await at.assertGoingOn(names);
    t.diagnostic(`${rounds} kills of the server, ${at.count} firings`);
  });
});

const hasFired = ({ said }: Firer) => said.some((line) => line.fired);

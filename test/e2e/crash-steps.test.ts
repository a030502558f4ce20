// Workflows while what runs them is killed -9: after every single step, with the server, and while two executors
// both believe that the task is theirs. By hand: STEPS=20, WORKFLOWS=2000, KILL_SECONDS=60.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { Link } from "../../bus/connection/connection.js";
import { connect, type Bus, type TaskHandle } from "../../index.js";
import type { JournalEntry } from "../../protocol/journal.js";
import { killChildren, startChild, type Child } from "../support/child.js";
import { withEnvironment } from "../support/environment.js";
import { eventually } from "../support/eventually.js";
import type { Halt } from "../support/halting.js";
import { assertOnce, entriesOf } from "../support/journals.js";
import { startOrchestrator } from "../support/orchestrators.js";
import { sharedServer } from "../support/shared-server.js";
import { testServer } from "../support/server.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { trip } from "../support/trip.js";

const steps = Number(process.env["STEPS"] ?? 4);
const workflows = Number(process.env["WORKFLOWS"] ?? 40);
const killMs = Number(process.env["KILL_SECONDS"] ?? 3) * 1000;

const shared = sharedServer();

interface Steps {
  nonces: string[];
  drawn: string;
}

/** For processes that serve "trip". */
async function place(
  t: TestContext,
  server: { url: string },
  namespace: string,
) {
  const path = join(await temporaryDirectory(t), "diary");
  t.after(() => killChildren(t)); // before the folder goes
  return { url: server.url, namespace, path };
}

const serve = (t: TestContext, told: object, halt?: Halt) =>
  startChild<object>(t, "trip-process", halt ? { ...told, halt } : told);

const onJournal = { by: "SIGKILL", on: ".journal." } as const;
/** Each process dies around one write: having written one entry, or having done another step that is not written. */
const halts = {
  after: { ...onJournal, at: 1, when: "after" },
  before: { ...onJournal, at: 2, when: "before" },
} as const;

for (const when of ["after", "before"] as const)
  test(`a workflow whose worker dies ${when} each entry of its journal is stored comes to the same end`, async (t) => {
    const bus = await shared.connect(t);
    const told = await place(t, shared.server, bus.namespace);
    const task = await bus.submit(trip.skills.steps, { count: steps });
    const result = task.result({ timeout: "10m" }) as Promise<Steps>;
    const isOver = result.then(() => true);
    let kills = -1;
    for (let over = false; !over; kills++) {
      const child = await serve(
        t,
        told,
        kills < steps ? halts[when] : undefined,
      );
      over = await Promise.race([isOver, child.ended.then(() => false)]);
    }
    assert.ok(kills >= steps - 1, `${kills} kills`);
    await isRecordedOnce(t, task.id, await result, told.path);
    t.diagnostic(`${kills} kills over ${steps} steps`);
  });

test("a workflow goes on when the server dies over and over", async (t) => {
  await using server = await testServer();
  await using bus = await connect({ url: server.url, namespace: "t" });
  const told = await place(t, server, "t");
  const task = await bus.submit(trip.skills.steps, { count: 60 * steps });
  await serve(t, told);
  const result = task.result({ timeout: "10m" }) as Promise<Steps>;
  for (let kills = 0; kills < 3; kills++) {
    await wait(150 + Math.random() * 200);
    await server.kill();
    await server.restart();
  }
  const { nonces } = await result;
  assert.equal(new Set(nonces).size, 60 * steps);
});

test("of two workers that both have the task one is fenced off", async (t) => {
  const bus = await shared.connect(t);
  const told = await place(t, shared.server, bus.namespace);
  const task = await bus.submit(trip.skills.steps, { count: 5 });
  const frozen = await serve(t, told, {
    ...onJournal,
    at: 3,
    when: "before",
    by: "SIGSTOP",
  });
  await eventually(async () => (await writtenBy(told.path)).length === 3);
  const second = await serve(t, told);
  const result = await task.result({ timeout: "1m" });
  frozen.signal("SIGCONT");
  await wait(1_500); // it tries to write, and is refused
  await isRecordedOnce(t, task.id, result, told.path);
  const ends = [];
  for await (const event of bus.replay({ task: task.id }))
    ends.push(event.kind);
  assert.equal(ends.filter((kind) => kind === "completed").length, 1);
  await Promise.all([frozen.kill(), second.kill()]);
});

for (const undone of [true, false])
  test(`who is frozen before it calls, and wakes when its task was canceled, calls nobody (a task that ${undone ? "was" : "had nothing to be"} undone)`, async (t) => {
    const bus = await shared.connect(t);
    const told = await place(t, shared.server, bus.namespace);
    const task = await bus.submit(trip.skills.ride, { undone });
    const frozen = await serve(t, told, {
      ...onJournal,
      at: undone ? 2 : 1,
      when: "after",
      by: "SIGSTOP",
    });
    await eventually(async () => (await writtenBy(told.path)).length === 1);
    await wait(300);
    await task.cancel("enough");
    const second = await serve(t, told);
    await assert.rejects(task.result({ timeout: "1m" }), {
      code: "TASK_CANCELED",
    });
    frozen.signal("SIGCONT");
    await wait(1_500); // it would call now
    assert.equal(await bus.find(`${task.id}~trip~1`), undefined);
    await Promise.all([frozen.kill(), second.kill()]);
  });

test("who is frozen before it stores its task's end, which another undoes meanwhile, ends nothing", async (t) => {
  const bus = await shared.connect(t);
  const told = await place(t, shared.server, bus.namespace);
  const task = await bus.submit(trip.skills.linger, {});
  const frozen = await serve(t, told, {
    on: ".event.task.",
    at: 1,
    when: "before",
    by: "SIGSTOP",
  });
  await eventually(async () => (await writtenBy(told.path)).length === 1);
  await wait(300);
  await task.cancel("enough");
  const second = await serve(t, told);
  const isUndone = async () =>
    (await writtenBy(told.path)).some((line) => line.includes("undo-begin"));
  await eventually(isUndone);
  frozen.signal("SIGCONT");
  await assert.rejects(task.result({ timeout: "1m" }), {
    code: "TASK_CANCELED",
  });
  await Promise.all([frozen.kill(), second.kill()]);
});

test("many workflows end while workers and orchestrators are killed, and failed ones are undone in reverse", async (t) => {
  const bus = await shared.connect(t);
  const told = await place(t, shared.server, bus.namespace);
  const orchestrator = () =>
    startOrchestrator(t, { url: told.url, namespace: told.namespace });
  const trips = () => serve(t, told);
  const all = await bookMany(bus, workflows);
  const kills = await killAtRandom([
    trips,
    trips,
    trips,
    orchestrator,
    orchestrator,
  ]);
  await allEnd(all, await shared.link(t));
  t.diagnostic(`${workflows} workflows, ${kills} kills`);
});

test("many workflows end at durability disk, too, where their journals are synced together", async (t) => {
  const { path } = await place(t, shared.server, "unused");
  const directory = await temporaryDirectory(t);
  await withEnvironment({ NATS_URL: undefined }, async () => {
    const where = { directory, durability: "disk", namespace: "t" } as const;
    await using bus = await connect(where);
    const trips = () => serve(t, { ...where, path });
    const all = await bookMany(bus, 2 * workflows);
    await killAtRandom([trips, trips]);
    const { url, namespace } = bus;
    const link = await Link.open({ url, namespace, timeoutMs: 5_000 });
    try {
      await allEnd(all, link);
    } finally {
      await link.close();
    }
    await killChildren(t);
  });
});

interface Booked {
  task: TaskHandle;
  fails: boolean;
}

const bookMany = (bus: Bus, count: number): Promise<Booked[]> =>
  Promise.all(
    Array.from({ length: count }, async (_, at) => {
      const fails = at % 5 === 0;
      const sleepMs = at % 3 === 0 ? 1_200 : 0;
      const task = await bus.submit(trip.skills.book, { sleepMs, fails });
      return { task, fails };
    }),
  );

/** For a while; each is started anew at once. Resolves with how many were killed. */
async function killAtRandom(
  starts: readonly (() => Promise<Child<object>>)[],
): Promise<number> {
  const children = await Promise.all(starts.map((start) => start()));
  const until = Date.now() + killMs;
  let kills = 0;
  for (; Date.now() < until; kills++) {
    await wait(100 + Math.random() * 500);
    const at = Math.floor(Math.random() * children.length);
    await children[at]!.kill();
    children[at] = await starts[at]!();
  }
  return kills;
}

async function allEnd(all: readonly Booked[], link: Link): Promise<void> {
  for (const { task, fails } of all) {
    const ended = await task.result({ timeout: "5m" }).then(
      () => "completed",
      (error: Error) => error.message,
    );
    assert.equal(ended, fails ? "the hotel burns" : "completed");
    const entries = await entriesOf(link, "trip", task.id);
    assertOnce(entries);
    const undone = entries.filter(({ kind }) => kind === "undone");
    assert.equal(undone.length, fails ? 3 : 0);
  }
}

async function writtenBy(path: string): Promise<string[]> {
  const text = await readFile(path, "utf8").catch(() => "");
  return text.split("\n").filter((line) => line !== "");
}

/** Whatever was done more than once, one of the times counts, in the journal and in the result. */
async function isRecordedOnce(
  t: TestContext,
  taskId: string,
  { nonces, drawn }: Steps,
  path: string,
): Promise<void> {
  const link = await shared.link(t);
  const entries = await entriesOf(link, "trip", taskId);
  assertOnce(entries);
  const values = entries.flatMap((entry: JournalEntry) =>
    entry.kind === "done" ? [entry.value] : [],
  );
  assert.deepEqual(values, nonces);
  const written = await writtenBy(path);
  for (const [at, nonce] of nonces.entries())
    assert.ok(written.includes(`${taskId} step-${at} ${nonce}`));
  assert.match(drawn, /^[0-9a-f-]{36}$/);
}

// Random programs of durable operations while their workers are killed -9 and frozen around random messages. Whatever
// dies, all of them end; nothing is recorded twice; what is undone is undone in reverse order, and all of it; and no
// child is left. By hand: ROUNDS=40, and SEED as a failure says.
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import type { Bus, TaskHandle } from "../../index.js";
import { isCompletion, type JournalEntry } from "../../protocol/journal.js";
import { isTerminal } from "../../protocol/task.js";
import { killChildren, startChild, type Child } from "../support/child.js";
import { eventually } from "../support/eventually.js";
import type { Halt } from "../support/halting.js";
import { assertOnce, entriesOf } from "../support/journals.js";
import { odd } from "../support/odd-jobs.js";
import { sharedServer } from "../support/shared-server.js";
import { temporaryDirectory } from "../support/temporary-directory.js";

const rounds = Number(process.env["ROUNDS"] ?? 1);
const firstSeed = Number(process.env["SEED"] ?? Date.now() % 1e9);
const jobs = 24;
const shared = sharedServer();

const below = (end: number) => Math.floor(Math.random() * end);
const oneOf = <Value>(values: readonly Value[]): Value =>
  values[below(values.length)]!;

const anyHalt = (): Halt => ({
  at: 1 + below(60),
  when: oneOf(["before", "after"]),
  by: oneOf(["SIGKILL", "SIGKILL", "SIGSTOP"]),
  on: oneOf(["", ".journal.", ".event.", ".timer.", ".task."]),
});

test("random programs end as they would if nothing died", async (t) => {
  const bus = await shared.connect(t);
  const path = join(await temporaryDirectory(t), "diary");
  await writeFile(path, "");
  t.after(() => killChildren(t));
  const { url, namespace } = bus;
  const serve = (halt?: Halt) =>
    startChild<object>(t, "odd-process", {
      url,
      namespace,
      path,
      ...(halt ? { halt } : {}),
    });
  for (let round = 0; round < rounds; round++) {
    const seed = firstSeed + round * 1_000;
    const tasks = await submitted(bus, seed);
    const killing = killSome(serve);
    await signalAll(bus, tasks);
    await wait(below(2_000));
    for (const [at, task] of tasks.entries())
      if (at % 4 === 0) await task.cancel("enough");
    const left = await killing;
    const ends = await Promise.all(tasks.map(endOf));
    for (const [at, task] of tasks.entries())
      await isConsistent(t, task.id, ends[at]!, path, `SEED=${seed + at}`);
    await eventually(async () => (await underWay(bus)).length === 0, {
      what: `the end of all children (SEED=${seed})`,
      timeoutMs: 30_000,
    });
    await Promise.all(left.map((child) => child.kill()));
  }
});

const submitted = (bus: Bus, seed: number): Promise<TaskHandle[]> =>
  Promise.all(
    Array.from({ length: jobs }, (_, at) =>
      bus.submit(
        odd.skills.job,
        { seed: seed + at, run: 0 },
        { id: `${seed + at}` },
      ),
    ),
  );

/** Two are at work at any time, and the last two are left in peace. */
async function killSome(
  serve: (halt?: Halt) => Promise<Child<object>>,
): Promise<Child<object>[]> {
  const children = await Promise.all([serve(anyHalt()), serve(anyHalt())]);
  for (let kills = 0; kills < 5; kills++) {
    await wait(200 + below(1_000));
    const at = below(2);
    if (Math.random() < 0.7) {
      await children[at]!.kill();
      children[at] = await serve(anyHalt());
      continue;
    }
    children[at]!.signal("SIGSTOP");
    await wait(1_500);
    children[at]!.signal("SIGCONT");
  }
  await Promise.all(children.map((child) => child.kill()));
  return Promise.all([serve(), serve()]);
}

/** More than any waits for. */
async function signalAll(bus: Bus, tasks: TaskHandle[]): Promise<void> {
  const sent = tasks.flatMap(({ id }) =>
    Array.from({ length: 20 }, (_, n) =>
      ["one", "two"].map((name) =>
        bus
          .signal(id, name, n, { id: `${name}-${n}`, agent: "odd" })
          .catch(() => undefined),
      ),
    ).flat(),
  );
  await Promise.all(sent);
}

const endOf = (task: TaskHandle): Promise<string> =>
  task.result({ timeout: "2m" }).then(
    () => "completed",
    ({ code }: { code: string }) => code,
  );

async function underWay(bus: Bus): Promise<string[]> {
  const tasks = await bus.tasks({ agent: "odd", limit: 10_000 });
  return tasks
    .filter(({ state }) => !isTerminal(state))
    .map((each) => each.taskId);
}

async function isConsistent(
  t: TestContext,
  id: string,
  end: string,
  path: string,
  what: string,
): Promise<void> {
  const expected = ["completed", "HANDLER_REFUSED", "TASK_CANCELED"];
  assert.ok(expected.includes(end), `${what} ended with ${end}`);
  const entries = await entriesOf(await shared.link(t), "odd", id);
  assertOnce(entries);
  const done = entries.filter(isCompletion);
  const taken = done.flatMap((each) =>
    each.type === "signal" ? [each.id] : [],
  );
  assert.equal(new Set(taken).size, taken.length, `${what}: a signal twice`);
  const undone = undoneIn(entries);
  const wanted = entries.findLast(({ kind }) => kind === "undoing");
  const ops = wanted?.kind === "undoing" ? (wanted.ops ?? []) : [];
  assert.equal(end === "completed" && wanted !== undefined, false, what);
  assert.deepEqual(undone, ops.toReversed(), `${what}: not all is undone`);
  const names = new Map(done.map(({ op, name }) => [op, name]));
  const ran = (await readFile(path, "utf8"))
    .split("\n")
    .filter((line) => line.startsWith(`${id} undo `))
    .map((line) => line.split(" ")[2]);
  const inOrder = undone.map((op) => names.get(op));
  assert.deepEqual([...new Set(ran)], inOrder, `${what}: undone in order`);
}

const undoneIn = (entries: readonly JournalEntry[]): number[] =>
  entries.flatMap((entry) => (entry.kind === "undone" ? [entry.op] : []));

// A worker that is halted over an event of a context: frozen, until another has long taken over, or for good.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { promisify } from "node:util";
import { quiet } from "../support/doer.js";
import { killChildren, startChild } from "../support/child.js";
import { eventually } from "../support/eventually.js";
import type { Halt } from "../support/halting.js";
import { sharedServer } from "../support/shared-server.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { emptyTally, fold, tally } from "../support/tally.js";

const run = promisify(execFile);
const shared = sharedServer();

// For an event it stores the record, what was emitted, and the end.
const places: readonly Omit<Halt, "by">[] = [
  { at: 1, when: "before" },
  { at: 1, when: "after" },
  { at: 2, when: "before" },
  { at: 3, when: "before" },
  { at: 3, when: "after" },
];

describe("a worker that is halted over an event", { concurrency: 3 }, () => {
  for (const place of places)
    test(`thaws ${place.when} message ${place.at}, and the event is applied once`, async (t) => {
      t.after(() => killChildren(t));
      const bus = await shared.connect(t);
      const context = bus.context(tally, "c");
      const add = async (n: number) =>
        (await context.send({ type: "ADD", n })).result({ timeout: "60s" });
      const frozen = await startChild<object>(t, "tally-process", {
        url: shared.server.url,
        namespace: bus.namespace,
        concurrency: 4,
        halt: { ...place, by: "SIGSTOP" },
      });
      const first = await context.send({ type: "ADD", n: 0 });
      await eventually(() => isStopped(frozen.pid));
      const worker = await bus.serve(tally, { ackWait: "1s" });
      await first.result({ timeout: "60s" });
      for (const n of [1, 2, 3]) await add(n);
      frozen.signal("SIGCONT");
      for (const n of [4, 5, 6]) await add(n);
      // What it still had to say of the first event comes before it says goodbye.
      frozen.signal("SIGTERM");
      await frozen.ended;
      for (const n of [7, 8]) await add(n);
      const numbers = Array.from({ length: 9 }, (_, n) => n);
      const snapshot = await context.snapshot();
      assert.deepEqual(snapshot?.context, numbers.reduce(fold, emptyTally));
      const emitted = [];
      for await (const { event } of context.emitted()) emitted.push(event.n);
      assert.deepEqual(emitted, numbers);
      await worker.drain();
    });

  test("dies when the state is stored, and the leader does not end the event when its deadline passes", async (t) => {
    t.after(() => killChildren(t));
    const bus = await shared.connect(t);
    const context = bus.context(tally, "c");
    const halt: Halt = { at: 1, when: "after", by: "SIGKILL" };
    const first = await startChild<object>(t, "tally-process", {
      url: shared.server.url,
      namespace: bus.namespace,
      concurrency: 4,
      halt,
    });
    const options = { deadline: "2s" } as const;
    const applied = await context.send({ type: "ADD", n: 1 }, options);
    await first.ended;
    assert.equal((await context.snapshot())?.context.count, 1);
    await bus.orchestrate(quiet);
    // It shows that the leader has looked.
    const behind = await context.send({ type: "ADD", n: 2 }, options);
    const passed = { code: "DEADLINE_PASSED" };
    await assert.rejects(behind.result({ timeout: "60s" }), passed);
    await bus.serve(tally, { ackWait: "1s" });
    await applied.result({ timeout: "60s" });
    const last = await context.send({ type: "ADD", n: 3 });
    await last.result({ timeout: "60s" });
    const emitted = [];
    for await (const { event } of context.emitted()) emitted.push(event.n);
    assert.deepEqual(emitted, [1, 3]);
  });

  test("dies when the state is stored, and the machine's own action runs all the same", async (t) => {
    t.after(() => killChildren(t));
    const bus = await shared.connect(t);
    const diary = join(await temporaryDirectory(t), "diary");
    const told = {
      url: shared.server.url,
      namespace: bus.namespace,
      concurrency: 4,
      diary,
    };
    const halt: Halt = { at: 1, when: "after", by: "SIGKILL" };
    const first = await startChild<object>(t, "tally-process", {
      ...told,
      halt,
    });
    const context = bus.context(tally, "c");
    const task = await context.send({ type: "ADD", n: 7 });
    await first.ended;
    assert.equal((await context.snapshot())?.context.count, 1);
    await assert.rejects(readFile(diary), { code: "ENOENT" });
    await startChild(t, "tally-process", told);
    await task.result({ timeout: "60s" });
    assert.equal(await readFile(diary, "utf8"), "7\n");
    assert.equal((await context.snapshot())?.context.count, 1);
  });
});

async function isStopped(pid: number): Promise<boolean> {
  return (await stateOf(pid)).trim().startsWith("T");
}

/** From the third field of its status on, or as `ps` says where there is no /proc. */
async function stateOf(pid: number): Promise<string> {
  try {
    const status = await readFile(`/proc/${pid}/stat`, "utf8");
    return status.slice(status.lastIndexOf(")") + 1);
  } catch {
    return (await run("ps", ["-o", "stat=", "-p", String(pid)])).stdout;
  }
}

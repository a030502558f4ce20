// A person has ordered that a task be undone further, and the worker that does it is killed with -9 around each message
// that it stores.
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import type { Bus } from "../../index.js";
import { startChild } from "../support/child.js";
import { eventually } from "../support/eventually.js";
import type { Halt } from "../support/halting.js";
import { assertOnce, entriesOf } from "../support/journals.js";
import { letterOf } from "../support/saga.js";
import { sharedServer } from "../support/shared-server.js";
import { temporaryDirectory } from "../support/temporary-directory.js";

const shared = sharedServer();

interface Place {
  bus: Bus;
  url: string;
  namespace: string;
  path: string;
  /** Whose undos fail from now on. */
  bad: (names: string) => Promise<void>;
  /** What was undone, or tried to be. */
  diary: () => Promise<string[]>;
}

/** A task "t" whose step c could not be undone, and nobody who serves it. */
async function stuck(t: TestContext): Promise<Place> {
  const bus = await shared.connect(t);
  const path = join(await temporaryDirectory(t), "diary");
  const place = { url: bus.url, namespace: bus.namespace, path };
  const bad = (names: string) => writeFile(`${path}.bad`, names);
  await bad("c");
  const child = await startChild(t, "saga-process", place);
  const task = await bus.submit("saga.run", {}, { id: "t" });
  await assert.rejects(task.result(), { code: "UNDO_FAILED" });
  await child.kill();
  const diary = async () =>
    (await readFile(path, "utf8")).trimEnd().split("\n");
  assert.deepEqual(await diary(), ["d", "c"]);
  return { bus, ...place, bad, diary };
}

/** Its last undo, its first, and the writes between which its worker dies. */
const killings = [
  { at: 1, when: "before" },
  { at: 3, when: "after" },
] as const;

for (const { at, when } of killings)
  test(`an ordered undo whose worker is killed ${when} write ${at} of its journal is completed in order, and recorded once`, async (t) => {
    const { bus, bad, diary, ...place } = await stuck(t);
    await bad("");
    await (await letterOf(bus, "t"))!.undo("retry");
    const halt: Halt = { at, when, by: "SIGKILL", on: ".journal." };
    const victim = await startChild(t, "saga-process", { ...place, halt });
    assert.equal(await victim.ended, "SIGKILL");
    await startChild(t, "saga-process", place);
    await eventually(async () => !(await letterOf(bus, "t")), {
      timeoutMs: 30_000,
    });
    const again = when === "before" ? ["c"] : [];
    assert.deepEqual(await diary(), ["d", "c", "c", ...again, "b", "a"]);
    assertOnce(await entriesOf(await shared.link(t), "saga", "t"));
  });

for (const when of ["before", "after"] as const)
  test(`one whose worker is killed ${when} it has stored its dead letter leaves one that is up to date, and tries nothing again`, async (t) => {
    const { bus, bad, diary, ...place } = await stuck(t);
    await bad("b");
    await (await letterOf(bus, "t"))!.undo("retry");
    const halt: Halt = { at: 1, when, by: "SIGKILL", on: ".dead." };
    const victim = await startChild(t, "saga-process", { ...place, halt });
    assert.equal(await victim.ended, "SIGKILL");
    await startChild(t, "saga-process", place);
    const link = await shared.link(t);
    const queue = link.subjects.queue("saga");
    await eventually(
      async () => (await link.jsm.streams.info(queue)).state.messages === 0,
      { timeoutMs: 30_000 },
    );
    const letter = await letterOf(bus, "t");
    assert.match(
      letter!.error,
      /"b" could not be undone.* still done: "a", "b"/,
    );
    assert.deepEqual(await diary(), ["d", "c", "c", "b"]);
  });

test("a worker that is frozen while it undoes writes nothing after another has taken over", async (t) => {
  const { bus, bad, diary, ...place } = await stuck(t);
  await bad("");
  await (await letterOf(bus, "t"))!.undo("retry");
  const halt: Halt = { at: 1, when: "before", by: "SIGSTOP", on: ".journal." };
  const frozen = await startChild(t, "saga-process", { ...place, halt });
  await eventually(async () => (await diary()).length === 3);
  const other = await startChild(t, "saga-process", place);
  await eventually(async () => !(await letterOf(bus, "t")), {
    timeoutMs: 30_000,
  });
  await other.kill();
  frozen.signal("SIGCONT");
  // It serves again, and has left that task alone.
  await bad("c");
  const next = await bus.submit("saga.run", {}, { id: "next" });
  await assert.rejects(next.result(), { code: "UNDO_FAILED" });
  assert.equal(await letterOf(bus, "t"), undefined);
  assert.deepEqual(
    await diary(),
    ["d", "c", "c", "c", "b", "a"].concat("d", "c"),
  );
  assertOnce(await entriesOf(await shared.link(t), "saga", "t"));
});

test("a worker that is frozen before it stores a dead letter brings none back that is out of date", async (t) => {
  const { bus, bad, diary, ...place } = await stuck(t);
  await bad("b");
  await (await letterOf(bus, "t"))!.undo("retry");
  const halt: Halt = { at: 1, when: "before", by: "SIGSTOP", on: ".dead." };
  const frozen = await startChild(t, "saga-process", { ...place, halt });
  await eventually(async () => (await diary()).length === 4);
  await bad("");
  const old = (await letterOf(bus, "t"))!;
  const other = await startChild(t, "saga-process", place);
  // The letter is still the first; the journal says what has failed.
  await eventually(async () => (await old.undoing())?.stuck?.step === "b");
  await old.undo("retry");
  await eventually(async () => !(await letterOf(bus, "t")), {
    timeoutMs: 30_000,
  });
  await other.kill();
  frozen.signal("SIGCONT");
  await bad("c");
  const next = await bus.submit("saga.run", {}, { id: "next" });
  await assert.rejects(next.result(), { code: "UNDO_FAILED" });
  assert.equal(await letterOf(bus, "t"), undefined);
  assertOnce(await entriesOf(await shared.link(t), "saga", "t"));
});

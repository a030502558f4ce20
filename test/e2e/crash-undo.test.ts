// A person has ordered that a task be undone further, and the worker that does it is killed with -9 around each message
// that it stores.
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { eventually } from "../support/eventually.js";
import { assertOnce, entriesOf } from "../support/journals.js";
import { sharedServer } from "../support/shared-server.js";
import { StuckSaga } from "../support/stuck-saga.js";

const shared = sharedServer();

const stuck = async (t: TestContext) =>
  StuckSaga.begin(t, await shared.connect(t));

const assertRecordedOnce = async (t: TestContext) =>
  assertOnce(await entriesOf(await shared.link(t), "saga", "t"));

/** Its last undo, its first, and the writes between which its worker dies. */
const killings = [
  { at: 1, when: "before" },
  { at: 3, when: "after" },
] as const;

for (const { at, when } of killings)
  test(`an ordered undo whose worker is killed ${when} write ${at} of its journal is completed in order, and recorded once`, async (t) => {
    const saga = await stuck(t);
    await saga.fails("");
    await saga.order();
    const victim = await saga.serve({ at, when, on: ".journal." });
    assert.equal(await victim.ended, "SIGKILL");
    await saga.serve();
    await saga.untilGone();
    const again = when === "before" ? ["c"] : [];
    assert.deepEqual(await saga.diary(), ["d", "c", "c", ...again, "b", "a"]);
    await assertRecordedOnce(t);
  });

for (const when of ["before", "after"] as const)
  test(`one whose worker is killed ${when} it has stored its dead letter leaves one that is up to date, and tries nothing again`, async (t) => {
    const saga = await stuck(t);
    await saga.fails("b");
    await saga.order();
    const victim = await saga.serve({ at: 1, when, on: ".dead." });
    assert.equal(await victim.ended, "SIGKILL");
    await saga.serve();
    const link = await shared.link(t);
    const queue = link.subjects.queue("saga");
    await eventually(
      async () => (await link.jsm.streams.info(queue)).state.messages === 0,
      { timeoutMs: 30_000 },
    );
    const letter = await saga.letter();
    assert.match(
      letter!.error,
      /"b" could not be undone.* still done: "a", "b"/,
    );
    assert.deepEqual(await saga.diary(), ["d", "c", "c", "b"]);
  });

test("a worker that is frozen while it undoes writes nothing after another has taken over", async (t) => {
  const saga = await stuck(t);
  await saga.fails("");
  await saga.order();
  const place = { at: 1, when: "before", on: ".journal." } as const;
  const frozen = await saga.serve(place, "SIGSTOP");
  await eventually(async () => (await saga.diary()).length === 3);
  const other = await saga.serve();
  await saga.untilGone();
  await other.kill();
  await saga.thaw(frozen);
  assert.deepEqual(
    await saga.diary(),
    ["d", "c", "c", "c", "b", "a"].concat("d", "c"),
  );
  await assertRecordedOnce(t);
});

test("a worker that is frozen before it stores a dead letter brings none back that is out of date", async (t) => {
  const saga = await stuck(t);
  await saga.fails("b");
  await saga.order();
  const place = { at: 1, when: "before", on: ".dead." } as const;
  const frozen = await saga.serve(place, "SIGSTOP");
  await eventually(async () => (await saga.diary()).length === 4);
  await saga.fails("");
  const old = (await saga.letter())!;
  const other = await saga.serve();
  // The letter is still the first; the journal says what has failed.
  await eventually(async () => (await old.undoing())?.stuck?.step === "b");
  await old.undo("retry");
  await saga.untilGone();
  await other.kill();
  await saga.thaw(frozen);
  await assertRecordedOnce(t);
});

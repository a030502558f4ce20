// The letter of a task that could not be undone, whose id has been used for another task since: the journal is of that.
import assert from "node:assert/strict";
import { test } from "node:test";
import { readJournal } from "../../../bus/journal/journal.js";
import { JournalWriter } from "../../../bus/journal/journal-writer.js";
import { lastMessage } from "../../../bus/history/stored.js";
import { Publisher } from "../../../bus/streams/publisher.js";
import { sendToUndo } from "../../../bus/tasks/undo-orders.js";
import { eventually } from "../../support/eventually.js";
import { broken, doSteps, letterOf, serveSaga } from "../../support/saga.js";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();

test("a letter is neither judged by the journal of another task, nor removed because of that", async (t) => {
  const bus = await shared.connect(t);
  const link = await shared.link(t);
  const publisher = new Publisher(link);
  await serveSaga(bus, async (task) => {
    await doSteps(task, ["a"], () => {
      throw broken("the bank is closed");
    });
    throw broken();
  });
  await assert.rejects(bus.call("saga.run", {}, { id: "used" }));
  const letter = (await letterOf(bus, "used"))!;
  const name = { agent: "saga", taskId: "used" };
  const journal = await readJournal(link, name);
  const at = letter.at.getTime() + 60_000;
  const other = { op: 0, type: "step", name: "x", value: 1 } as const;
  const writer = new JournalWriter(link, publisher, name, journal);
  await writer.append(
    [
      { kind: "done", ...other, at },
      { kind: "undo-resolved", at },
    ],
    true,
  );
  assert.equal(await letter.undoing(), undefined);
  await assert.rejects(letter.redrive(), {
    code: "ARGUMENT_INVALID",
    message: /known by its letter alone/,
  });
  // As when it is used again between an order and its delivery.
  const { streams, dead } = link.subjects;
  const stored = await lastMessage(
    link,
    streams.dead,
    dead("saga", "run", "used"),
  );
  const original = { ...stored!, subject: stored!.headers.subject! };
  await sendToUndo(link, publisher, name, original, writer.last);
  await eventually(async () => {
    const { error = "gone" } = (await letterOf(bus, "used")) ?? {};
    return /could not be undone further: .*used for another/.test(error);
  });
});

// Orders to undo that are refused, and what is refused while one is carried out.
import assert from "node:assert/strict";
import { test } from "node:test";
import { endOf } from "../../../bus/history/history.js";
import { lastMessage } from "../../../bus/history/stored.js";
import { Publisher } from "../../../bus/streams/publisher.js";
import { Recorder } from "../../../bus/tasks/recorder.js";
import { encodeBody } from "../../../protocol/codec.js";
import { TroupeError } from "../../../protocol/errors.js";
import { encodeHeaders } from "../../../protocol/headers.js";
import { eventually } from "../../support/eventually.js";
import { broken, doSteps, letterOf, serveSaga } from "../../support/saga.js";
import { sharedServer } from "../../support/shared-server.js";
import { stuck } from "../../support/undo-letter.js";

const shared = sharedServer();

test("a letter is not taken for that of a later task with the same id", async (t) => {
  const { bus, letter, log, bad, worker } = await stuck(shared, t);
  bad.clear();
  await worker.drain();
  const link = await shared.link(t);
  const { streams, journalOf, dead } = link.subjects;
  const task = { agent: "saga", taskId: "stuck" };
  // As if its history had aged out.
  await link.jsm.streams.purge(streams.events);
  const address = { level: "normal", lane: "main", skill: "run" } as const;
  await new Publisher(link).store(
    link.subjects.task({ ...address, ...task }),
    encodeHeaders({}),
    letter.original,
  );
  const another = { code: "ARGUMENT_INVALID", message: /used for another/ };
  await assert.rejects(letter.undo("retry"), another);
  await link.jsm.streams.purge(streams.journal, { filter: journalOf(task) });
  await eventually(() => Date.now() > letter.at.getTime() + 1_500);
  const other = await serveSaga(bus, (own) =>
    doSteps(own, ["x"], (name) => log.push(name)),
  );
  await bus.task("stuck").result();
  await assert.rejects(letter.undo("retry"), another);
  await assert.rejects(letter.undo("resolve"), another);
  assert.ok(
    await lastMessage(link, streams.dead, dead("saga", "run", "stuck")),
  );
  await other.worker.drain();
  assert.deepEqual(log, ["d", "c?"]);
});

test("a letter of a task that did nothing durably cannot be undone", async (t) => {
  const bus = await shared.connect(t);
  await serveSaga(bus, () => {
    throw broken();
  });
  await assert.rejects(bus.call("saga.run", {}, { id: "plain" }), /broken/);
  const letter = (await letterOf(bus, "plain"))!;
  assert.equal(await letter.undoing(), undefined);
  await assert.rejects(letter.undo("retry"), {
    code: "ARGUMENT_INVALID",
    message: 'task "plain" has done nothing that could be undone',
  });
});

test("a task that has ended and is being undone takes no signal, and cannot be canceled", async (t) => {
  const { bus, letter, worker } = await stuck(shared, t);
  await worker.drain();
  await letter.undo("retry");
  await assert.rejects(bus.signal("stuck", "go"), { code: "TASK_ENDED" });
  assert.equal(await bus.task("stuck").cancel(), false);
  const link = await shared.link(t);
  assert.ok(await endOf(link, "stuck"));
});

test("a letter that tells of what still stands is not redriven before that is decided, unless by force", async (t) => {
  const bus = await shared.connect(t);
  await serveSaga(bus, async (task) => {
    if (task.id !== "stands") return "done anew";
    await doSteps(task, ["a"], () => {
      throw broken("the bank is closed");
    });
    throw broken();
  });
  await assert.rejects(bus.call("saga.run", {}, { id: "stands" }), {
    code: "UNDO_FAILED",
  });
  const letter = (await letterOf(bus, "stands"))!;
  await assert.rejects(letter.redrive(), {
    code: "ARGUMENT_INVALID",
    message: /still stands \("a"\)/,
  });
  assert.ok(await letterOf(bus, "stands"));
  const id = await letter.redrive({ force: true });
  assert.equal(await bus.task(id).result(), "done anew");
});

test("what has completed is not undone, though somebody who wanted to end it left a letter behind", async (t) => {
  const bus = await shared.connect(t);
  const undone: string[] = [];
  await serveSaga(bus, (task) =>
    doSteps(task, ["a"], (name) => undone.push(name)),
  );
  await bus.call("saga.run", {}, { id: "done" });
  const link = await shared.link(t);
  const name = { agent: "saga", skill: "run", taskId: "done" };
  await new Recorder(link, new Publisher(link)).dead({
    ...name,
    subject: link.subjects.task({ ...name, lane: "main", level: "normal" }),
    headers: {},
    body: encodeBody({}),
    error: new TroupeError("UNDO_FAILED", "ended as it stood"),
    attempt: 0,
    events: [],
  });
  const letter = (await letterOf(bus, "done"))!;
  await assert.rejects(letter.undo("retry"), {
    code: "ARGUMENT_INVALID",
    message: /has not failed after all/,
  });
  assert.deepEqual(undone, []);
  assert.equal(await letterOf(bus, "done"), undefined);
});

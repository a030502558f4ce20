// Letters whose task has ended otherwise in the very moment.
import assert from "node:assert/strict";
import { test } from "node:test";
import { lastMessage } from "../../../bus/history/stored.js";
import { Publisher } from "../../../bus/streams/publisher.js";
import { buryWaiting } from "../../../bus/tasks/burial.js";
import { factsOf, subjectOf } from "../../../bus/tasks/on-behalf.js";
import { Recorder } from "../../../bus/tasks/recorder.js";
import { TroupeError } from "../../../protocol/errors.js";
import { letterOf, sagaAgent } from "../../support/saga.js";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();

for (const first of ["canceled", "failed"] as const)
  test(`who wrote a letter and was not the first to end its task ${first === "failed" ? "leaves it, where that has failed" : "takes it back, where that was canceled"}`, async (t) => {
    const bus = await shared.connect(t);
    const link = await shared.link(t);
    const recorder = new Recorder(link, new Publisher(link));
    const { run } = sagaAgent(() => undefined).skills;
    await bus.submit(run, {}, { id: "t" });
    const { queue, taskById } = link.subjects;
    const message = (await lastMessage(link, queue("saga"), taskById("t")))!;
    const other = new TroupeError("TASK_CANCELED", "not needed");
    let stood = false;
    const isFirst = await buryWaiting(
      { link, recorder },
      message,
      new TroupeError("DEADLINE_PASSED", "too late"),
      "me",
      async () => {
        stood = (await letterOf(bus, "t")) !== undefined;
        const facts = factsOf(message, "another");
        await recorder.ended(subjectOf(message), first, other, facts);
      },
    );
    assert.deepEqual([isFirst, stood], [false, true]);
    assert.equal((await letterOf(bus, "t")) !== undefined, first === "failed");
  });

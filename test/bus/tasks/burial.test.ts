// Letters whose task has ended otherwise in the very moment.
import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { endOf } from "../../../bus/history/history.js";
import { lastMessage, newestOnEach } from "../../../bus/history/stored.js";
import { Publisher } from "../../../bus/streams/publisher.js";
import { buryWaiting, withdrawStray } from "../../../bus/tasks/burial.js";
import { factsOf, subjectOf } from "../../../bus/tasks/on-behalf.js";
import { Recorder } from "../../../bus/tasks/recorder.js";
import { agent, skill } from "../../../index.js";
import { TroupeError } from "../../../protocol/errors.js";
import { eventually } from "../../support/eventually.js";
import { letterOf, sagaAgent, serveSaga } from "../../support/saga.js";
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

test("whose end was stored by who died before they told of it is told of when it was to be buried", async (t) => {
  const bus = await shared.connect(t);
  const link = await shared.link(t);
  const recorder = new Recorder(link, new Publisher(link));
  const child = agent("child", {
    skills: {
      do: skill({ description: "Never", input: z.any(), run: () => 1 }),
    },
  });
  const { worker } = await serveSaga(bus, (task) =>
    task.call(child.skills.do, {}).catch((error: Error) => error.message),
  );
  const parent = await bus.submit("saga.run", {});
  await eventually(() => worker.counts.parked === 1);
  const [message] = await newestOnEach(link, link.subjects.queue("child"), ">");
  const task = { ...subjectOf(message!), parent: undefined };
  const why = new TroupeError("TASK_REJECTED", "not mine");
  await recorder.ended(task, "rejected", why, factsOf(message!, "another"));
  const late = new TroupeError("DEADLINE_PASSED", "too late");
  const host = { link, recorder };
  assert.equal(await buryWaiting(host, message!, late, "me"), false);
  assert.equal(await parent.result({ timeout: "20s" }), "not mine");
});

test("a letter that was brought up to date stays, whatever ended since under its task's id", async (t) => {
  const bus = await shared.connect(t);
  const link = await shared.link(t);
  const recorder = new Recorder(link, new Publisher(link));
  const { run } = sagaAgent(() => undefined).skills;
  await bus.submit(run, {}, { id: "t" });
  const { queue, taskById, streams, dead } = link.subjects;
  const message = (await lastMessage(link, queue("saga"), taskById("t")))!;
  const task = subjectOf(message);
  const error = new TroupeError("UNDO_FAILED", "it stands");
  const what = { ...message, ...task, skill: "run", attempt: 1, events: [] };
  await recorder.dead({ ...what, error, replaces: 0 });
  const other = new TroupeError("TASK_CANCELED", "not needed");
  await recorder.ended(task, "canceled", other, factsOf(message, "another"));
  const subject = dead("saga", "run", "t");
  const letter = (await lastMessage(link, streams.dead, subject))!;
  const end = (await endOf(link, "t", "saga"))!;
  assert.equal(await withdrawStray(link, letter, end), false);
  assert.ok(await letterOf(bus, "t"));
});

// How submitters hear of ends: by whoever stored them, and of no others (R2).
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { EndNotices } from "../../../bus/tasks/end-notices.js";
import { Publisher } from "../../../bus/streams/publisher.js";
import { Outcomes } from "../../../bus/tasks/outcomes.js";
import { Recorder } from "../../../bus/tasks/recorder.js";
import { ensureStreams } from "../../../bus/streams/streams.js";
import { TroupeError } from "../../../protocol/errors.js";
import type { Outcome } from "../../../protocol/outcome.js";
import { completedBody } from "../../../protocol/task-event-bodies.js";
import { doer } from "../../support/doer.js";
import { eventually } from "../../support/eventually.js";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();
const nobody = doer((input) => input);
const facts = {
  contentType: "msgpack",
  attempt: 1,
  sender: "test",
  context: undefined,
} as const;
const body = (output: unknown) =>
  completedBody("t1", output, undefined, "msgpack");

/** A submitter that waits for the task t1 of the agent "doer", and a worker that may end it. */
async function opened(t: TestContext) {
  const submitter = await shared.link(t);
  await ensureStreams(submitter);
  const worker = await shared.link(t);
  const settled: (Outcome | TroupeError | undefined)[] = [];
  new Outcomes(submitter).expect({
    taskId: "t1",
    agent: "doer",
    what: "t1",
    timeoutMs: 60_000,
    settle: (error, outcome) => settled.push(error ?? outcome),
  });
  await submitter.flush();
  const { origin, subjects } = submitter;
  const end = { agent: "doer", origin, contentType: "msgpack" } as const;
  const task = { agent: "doer", taskId: "t1", origin, params: undefined };
  const confirmation = subjects.confirmation(origin, "worker", "1");
  const stored = Buffer.from('{"stream":"EVENTS", "seq":1}');
  const refused = Buffer.from('{"error":{"code":400},"stream":"EVENTS"}');
  /** What was sent so far has reached the submitter. */
  const settle = async () => {
    await worker.flush();
    await submitter.flush();
  };
  const notices = new EndNotices(worker);
  return {
    worker,
    settled,
    end,
    task,
    confirmation,
    stored,
    refused,
    notices,
    settle,
  };
}

test("a notice that was sent early counts when the server has acknowledged its event, and not before", async (t) => {
  const { worker, settled, end, notices, ...rest } = await opened(t);
  notices.foretell({ ...end, body: body("early") }, rest.confirmation);
  await rest.settle();
  assert.deepEqual(settled, []);
  worker.send(rest.confirmation, rest.stored);
  await rest.settle();
  assert.deepEqual(settled, [{ state: "completed", output: "early" }]);
});

test("an acknowledgement that comes before its notice is remembered", async (t) => {
  const { worker, settled, end, notices, ...rest } = await opened(t);
  worker.send(rest.confirmation, rest.stored);
  notices.foretell({ ...end, body: body("late") }, rest.confirmation);
  await rest.settle();
  assert.deepEqual(settled, [{ state: "completed", output: "late" }]);
});

for (const first of ["notice", "acknowledgement"])
  test(`an end that the log refused settles nothing, when its ${first} comes first`, async (t) => {
    const { worker, settled, end, notices, ...rest } = await opened(t);
    if (first === "acknowledgement")
      worker.send(rest.confirmation, rest.refused);
    notices.foretell({ ...end, body: body("refused") }, rest.confirmation);
    if (first === "notice") worker.send(rest.confirmation, rest.refused);
    worker.send(rest.confirmation, rest.refused);
    await rest.settle();
    assert.deepEqual(settled, []);
  });

test("of two who end a task the submitter hears the one that was first, whoever tells", async (t) => {
  const { worker, settled, task, settle } = await opened(t);
  const recorder = new Recorder(worker, new Publisher(worker));
  const canceled = new TroupeError("TASK_CANCELED", "no longer needed");
  const [first, second] = await Promise.all([
    recorder.ended(task, "canceled", canceled, facts),
    recorder.completed(task, "too late", facts),
  ]);
  assert.deepEqual([first, second], [true, false]);
  await settle();
  await eventually(() => settled.length === 1);
  const [outcome] = settled as Outcome[];
  assert.equal(outcome?.state, "canceled");
});

test("an end whose teller died is found on the log", async (t) => {
  const { worker, settled, task } = await opened(t);
  const nobody = { ...task, origin: "somebody-else" };
  await new Recorder(worker, new Publisher(worker)).completed(
    nobody,
    "found",
    facts,
  );
  await eventually(() => settled.length === 1);
  assert.deepEqual(settled, [{ state: "completed", output: "found" }]);
});

test("the ends that one burst has stored are told in one message, each of which settles its task", async (t) => {
  const bus = await shared.connect(t);
  const link = await shared.link(t);
  await ensureStreams(link);
  const messages: string[] = [];
  link.listen(`${bus.namespace}.ended.>`, (msg) => messages.push(msg.subject));
  await link.flush();
  const recorder = new Recorder(link, new Publisher(link));
  const ids = Array.from({ length: 200 }, (_, at) => `t${at}`);
  const task = { agent: "doer", origin: "here", params: undefined };
  await Promise.all(
    ids.map((taskId) => recorder.completed({ ...task, taskId }, "ok", facts)),
  );
  await link.flush();
  t.diagnostic(`${messages.length} messages for ${ids.length} ends`);
  assert.ok(messages.length >= 1 && messages.length <= ids.length / 2);
});

test("a notice that is no batch harms nobody", async (t) => {
  const { worker, settled, end, notices, ...rest } = await opened(t);
  const subject = worker.subjects.ended(end.agent, end.origin);
  worker.send(subject, Buffer.from("nonsense"));
  worker.send(subject, Buffer.from('[{"id":"t1"}, null, 5]'));
  await rest.settle();
  notices.tell({ ...end, body: body("fine") });
  await rest.settle();
  assert.equal(settled.length, 1);
});

test("ends that do not fit into one message are told in several, and each is settled", async (t) => {
  const { worker, settled, task, settle } = await opened(t);
  const recorder = new Recorder(worker, new Publisher(worker));
  const large = "x".repeat(700_000);
  const first = await Promise.all(
    ["t0", "t1", "t2"].map((taskId) =>
      recorder.completed({ ...task, taskId }, large, facts),
    ),
  );
  assert.deepEqual(first, [true, true, true]);
  await settle();
  await eventually(() => settled.length === 1);
});

test("an end that JetStream was not ready for counts when it is stored later", async (t) => {
  const { worker, settled, end, notices, ...rest } = await opened(t);
  notices.foretell({ ...end, body: body("later") }, rest.confirmation);
  worker.send(rest.confirmation, rest.refused);
  await rest.settle();
  assert.deepEqual(settled, []);
  worker.send(rest.confirmation, rest.stored);
  await rest.settle();
  assert.deepEqual(settled, [{ state: "completed", output: "later" }]);
});

test("who waits on a connection that is closed is told so at once", async (t) => {
  const bus = await shared.connect(t);
  const own = await bus.submit(nobody.skills.do, 1);
  const other = bus.task("t1");
  await bus.close();
  for (const waiting of [own.result(), other.result()])
    await assert.rejects(waiting, { code: "CONNECTION_CLOSED" });
  await assert.rejects(bus.call(nobody.skills.do, 1), {
    code: "CONNECTION_CLOSED",
  });
});

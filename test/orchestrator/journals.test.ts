// What the leader does about journals: it removes those of tasks whose history is gone, and says whose tasks are stuck.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Link } from "../../bus/connection/connection.js";
import { agentEvents } from "../../bus/history/agent-events.js";
import { endOf } from "../../bus/history/history.js";
import { forkTask } from "../../bus/journal/fork.js";
import { Publisher } from "../../bus/streams/publisher.js";
import type { Submitter } from "../../bus/tasks/submitter.js";
import type { AgentEvent } from "../../protocol/agent-events.js";
import { quiet } from "../support/doer.js";
import { eventually } from "../support/eventually.js";
import { broken, doSteps, serveSaga } from "../support/saga.js";
import { troupe } from "../cli/command.js";
import { sharedServer } from "../support/shared-server.js";

const shared = sharedServer();
const patience = { timeoutMs: 40_000 };

test("journals go when the history of their tasks has, but for those that wait or can still be undone", async (t) => {
  const bus = await shared.connect(t, { limits: { history: "2s" } });
  const { worker } = await serveSaga(bus, async (task, how) => {
    await doSteps(task, ["a"], () => {
      throw new Error("stuck");
    });
    await task.step("large", () => new Uint8Array(1_200_000));
    if (how === "wait") await task.waitFor("go");
    if (how === "fail") throw broken();
    return "done";
  });
  const link = await shared.link(t);
  const { streams, journal, journalParts } = link.subjects;
  const journals = async () => {
    const { state } = await link.jsm.streams.info(streams.journal, {
      subjects_filter: link.subjects.all.journal,
    });
    return Object.keys(state.subjects ?? {});
  };
  for (const id of ["one", "two"]) await bus.call("saga.run", "done", { id });
  await bus.submit("saga.run", "wait", { id: "waits" });
  await assert.rejects(bus.call("saga.run", "fail", { id: "letter" }));
  await eventually(() => worker.counts.parked === 1);
  await bus.orchestrate(quiet);
  const subjects = await eventually(async () => {
    const left = await journals();
    return left.length === 4 && left;
  }, patience);
  const kept = ["letter", "waits"].flatMap((taskId) => {
    const task = { agent: "saga", taskId };
    return [journal(task), journalParts(task)];
  });
  assert.deepEqual((subjects as string[]).toSorted(), kept);
  await bus.signal("waits", "go", 1, { agent: "saga" });
  await bus.task("waits").result();
});

test("a task whose message somebody has removed is told of, and no other", async (t) => {
  const bus = await shared.connect(t);
  const { worker } = await serveSaga(bus, async (task, how) => {
    await task.step("a", () => 1);
    if (how === "sleep") await task.sleep("1h");
  });
  await bus.call("saga.run", "done", { id: "ended" });
  const link = await shared.link(t);
  await forkHalf(link, "ended");
  await bus.submit("saga.run", "sleep", { id: "lost" });
  await eventually(() => worker.counts.parked === 1);
  const { streams } = link.subjects;
  await link.jsm.streams.purge(streams.timers);
  await bus.submit("saga.run", "sleep", { id: "asleep" });
  await eventually(() => worker.counts.parked === 2);
  await bus.orchestrate(quiet);
  const told = await eventually(async () => {
    const events: AgentEvent[] = [];
    for await (const event of agentEvents(link, { kind: "stuck" }))
      events.push(event);
    return events.length > 0 && events;
  }, patience);
  assert.deepEqual(
    (told as AgentEvent[]).map(({ agent, data }) => [agent, data["taskId"]]),
    [["saga", "lost"]],
  );
  const [stuck, ...others] = await bus.stuckTasks();
  assert.deepEqual([stuck?.taskId, others], ["lost", []]);
  const { url } = shared.server;
  const place = ["--url", url, "--namespace", bus.namespace];
  const { stderr } = await troupe(["tasks", "ls", ...place]);
  assert.match(stderr, /^Stuck: lost of saga, since .*; submit it anew$/m);
});

test("tasks whose ends had to make room on the log are not taken for stuck", async (t) => {
  const bus = await shared.connect(t, { limits: { historyBytes: 50_000 } });
  const link = await shared.link(t);
  const { worker } = await serveSaga(bus, async (task, how) => {
    if (how !== "") await task.step("a", () => 1);
    if (how === "sleep") await task.sleep("1h");
    return "x".repeat(10_000);
  });
  await bus.call("saga.run", "once", { id: "ended" });
  for (let calls = 0; calls < 10; calls++) await bus.call("saga.run", "");
  assert.equal(await endOf(link, "ended", "saga"), undefined);
  await bus.submit("saga.run", "sleep", { id: "lost" });
  await eventually(() => worker.counts.parked === 1);
  await link.jsm.streams.purge(link.subjects.streams.timers);
  await bus.orchestrate(quiet);
  const told = async () => (await bus.stuckTasks()).map((task) => task.taskId);
  await eventually(async () => (await told()).length > 0, patience);
  assert.deepEqual(await told(), ["lost"]);
});

/** As if whoever forks it died before it is submitted. */
async function forkHalf(link: Link, taskId: string): Promise<void> {
  const submitter = {
    drafting: { draft: () => Promise.resolve() },
    submit: () => Promise.reject(new Error("killed")),
  } as unknown as Submitter;
  const host = { link, publisher: new Publisher(link), submitter };
  await assert.rejects(forkTask(host, taskId, { before: 1 }), /killed/);
}

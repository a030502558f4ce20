// How the leader goes through what stands in a stream, whatever somebody has written there.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Publisher } from "../../bus/streams/publisher.js";
import { Walk } from "../../orchestrator/duties/walk.js";
import type { DutyHost } from "../../orchestrator/duties/duty.js";
import { quiet } from "../support/doer.js";
import { eventually } from "../support/eventually.js";
import { doSteps, letterOf, serveSaga } from "../support/saga.js";
import { sharedServer } from "../support/shared-server.js";

const shared = sharedServer();
const nothing = new Uint8Array(0);

test("a walk comes to the end of a stream before it begins again, however often that is to be", async (t) => {
  await shared.connect(t);
  const link = await shared.link(t);
  const publisher = new Publisher(link);
  const { streams, dead, all } = link.subjects;
  for (const id of ["a", "b", "c"])
    await publisher.store(dead("x", "y", id), nothing, nothing);
  const walk = new Walk({ link } as DutyHost, {
    stream: streams.dead,
    filter: all.dead,
    read: ({ subject }) => subject.at(-1),
  });
  const seen: unknown[] = [];
  for (let round = 0; round < 4; round++)
    seen.push(...(await walk.next(2, Infinity, 0)));
  assert.deepEqual(seen, ["a", "b", "c", "a", "b", "c"]);
});

test("what nobody can read on the journals and among the dead letters keeps the leader from nothing", async (t) => {
  const bus = await shared.connect(t);
  const link = await shared.link(t);
  const publisher = new Publisher(link);
  const tooLong = "n".repeat(300);
  const { journal, dead } = link.subjects;
  for (const subject of [
    journal({ agent: "saga", taskId: "id" }).replace(".id.", `.${tooLong}.`),
    journal({ agent: "saga", taskId: "not-ours" }),
    dead("saga", "run", "id").replace(/id$/, tooLong),
  ])
    await publisher.store(subject, nothing, nothing);
  const { worker } = await serveSaga(bus, async (task, how) => {
    await doSteps(task, ["a"], () => undefined);
    if (how !== "now") await task.sleep("1h");
  });
  await bus.submit("saga.run", {}, { id: "lost" });
  await bus.call("saga.run", "now", { id: "stray" });
  await publisher.store(dead("saga", "run", "stray"), nothing, nothing);
  await eventually(() => worker.counts.parked === 1);
  await link.jsm.streams.purge(link.subjects.streams.timers);
  await bus.orchestrate(quiet);
  const stuck = async () => (await bus.stuckTasks()).map((task) => task.taskId);
  const patience = { timeoutMs: 40_000 };
  await eventually(async () => (await stuck()).includes("lost"), patience);
  await eventually(async () => !(await letterOf(bus, "stray")), patience);
});

// What is measured of a participant. Each is one life of a server.
import { setTimeout as delay } from "node:timers/promises";
import type { Sample } from "../report.js";
import { now } from "./contract.js";
import type { Participant } from "./participants.js";
import { memoryOf, processorMsOf } from "./process-tree.js";
import { onStage, type Stage, type WorkflowRole } from "./stage.js";

export interface Effort {
  rounds: number;
  warmUpMs: number;
  durationMs: number;
  sleepers: number;
  /** How long they sleep undisturbed before the server's memory is looked at again. */
  restMs: number;
  steps: number;
}

export interface Figure {
  measure: string;
  unit: Sample["unit"];
  value: number;
}

const figure = (
  measure: string,
  unit: Figure["unit"],
  value: number,
): Figure => ({ measure, unit, value });

const most = 512;
/** Who is slow is measured longer. */
const longestMs = 120_000;
/** After that, who sleeps or waits has been given up by the worker, in all participants that do. */
const settledMs = 4_000;
/** Also on a machine that has much else to do. */
const leastAsleepMs = 40_000;
/** If nothing is known of its speed. */
const slowestPerSecond = 100;

/** Three-step workflows a second, one at a time, and how soon they start at half the load. */
export async function measureRates(
  participant: Participant,
  { warmUpMs, durationMs }: Effort,
): Promise<Figure[]> {
  return onStage(participant, most, async (stage) => {
    const { worker, client } = stage;
    const load = (inFlight: number) =>
      client.ask("measure", { inFlight, warmUpMs, durationMs }, longestMs);
    const some = await load(64);
    const [many, microseconds] = await withProcessorTime(stage, () =>
      load(most),
    );
    const one = await load(1);
    await worker.ask("forget", null);
    const perSecond = Math.max(some.perSecond, many.perSecond) / 2;
    await client.ask("pace", { perSecond, durationMs });
    const starts = await worker.ask("starts", null);
    return [
      figure("64 in flight", "/s", some.perSecond),
      figure("512 in flight", "/s", many.perSecond),
      figure("512 in flight, processor time", "µs", microseconds),
      figure("one at a time, p50", "ms", one.p50Ms),
      figure("one at a time, p99", "ms", one.p99Ms),
      figure("half the load, first step p99", "ms", starts.p99Ms),
    ];
  });
}

/** Of server, worker and client for each workflow: what a busy machine changes least. */
async function withProcessorTime<Result>(
  { serverPid, worker, client }: Stage,
  act: () => Promise<Result>,
): Promise<[Result, number]> {
  const used = async () => {
    const pids = [serverPid, worker.pid, client.pid];
    const each = await Promise.all(pids.map(processorMsOf));
    return each.reduce((sum, value) => sum + value, 0);
  };
  await worker.ask("forget", null);
  const before = await used();
  const result = await act();
  const { count } = await worker.ask("starts", null);
  return [result, ((await used()) - before) * (1000 / count)];
}

/** Many that sleep until the same moment: the memory of each, and how long after it the last one goes on. */
export async function measureSleeping(
  participant: Participant,
  { sleepers }: Effort,
  perSecond: number = slowestPerSecond,
): Promise<Figure[]> {
  return onStage(participant, most, async (stage) => {
    const enoughMs = (2000 * sleepers) / perSecond + leastAsleepMs;
    await warmUp(stage);
    const { before, until, woken } = await fallAsleep(
      stage,
      sleepers,
      enoughMs,
    );
    await delay(settledMs);
    const during = await memories(stage);
    if (now() > until) throw new Error("They did not fall asleep in time");
    const { wokenAt } = await reached(
      stage.worker,
      "woken",
      woken + sleepers,
      2 * enoughMs,
    );
    const asleep = called(sleepers);
    return [
      figure(
        `${asleep}, worker's memory for each`,
        "B",
        (during.worker - before.worker) / sleepers,
      ),
      figure(
        `${asleep}, server's memory for each`,
        "B",
        (during.server - before.server) / sleepers,
      ),
      figure(`${asleep}, all woken after`, "ms", wokenAt - until),
    ];
  });
}

/**
 * The server's memory when all is quiet, beyond what it had when nothing had been done yet: a garbage collector gives
 * back late what falling asleep has cost.
 */
export async function measureRest(
  participant: Participant,
  { sleepers, restMs }: Effort,
): Promise<Figure[]> {
  return onStage(participant, most, async (stage) => {
    const { before } = await fallAsleep(stage, sleepers, 2 * restMs);
    await delay(restMs);
    const { server } = await memories(stage);
    return [
      figure(
        `${called(sleepers)} and at rest, server's memory for each`,
        "B",
        (server - before.server) / sleepers,
      ),
    ];
  });
}

const called = (sleepers: number) => `${sleepers.toLocaleString("en")} asleep`;

async function fallAsleep(stage: Stage, sleepers: number, enoughMs: number) {
  const { worker, client } = stage;
  const before = await memories(stage);
  const until = now() + enoughMs;
  const { asleep, woken } = await worker.ask("counts", null);
  await client.ask("sleep", { count: sleepers, until }, enoughMs);
  await reached(worker, "asleep", asleep + sleepers, enoughMs);
  return { before, until, woken };
}

async function warmUp({ worker, client }: Stage): Promise<void> {
  await client.ask("measure", {
    inFlight: 64,
    warmUpMs: 500,
    durationMs: 1000,
  });
  const count = 256;
  await client.ask("sleep", { count, until: now() + settledMs });
  await reached(worker, "woken", count, 10 * settledMs);
  await delay(settledMs);
}

async function memories({ serverPid, worker }: Stage) {
  return {
    server: await memoryOf(serverPid),
    worker: await worker.ask("memory", null),
  };
}

/** A journal of many steps is gone through by another worker, once the first was killed. */
export async function measureReplay(
  participant: Participant,
  { steps }: Effort,
): Promise<Figure[]> {
  // What is left is the journal's: a start of a worker takes its time, and so does noticing that it is there.
  const longMs = await replay(participant, steps);
  const shortMs = await replay(participant, 1);
  const many = steps.toLocaleString("en");
  return [figure(`replay of ${many} steps`, "ms", longMs - shortMs)];
}

function replay(participant: Participant, steps: number): Promise<number> {
  return onStage(participant, 64, async (stage: Stage) => {
    await stage.client.ask("startLong", { id: "long-1", steps });
    await reached(stage.worker, "ticks", steps, 30_000 + steps * 100);
    await delay(settledMs);
    await stage.killWorker();
    await stage.client.ask("signalLong", { id: "long-1" });
    const worker = await stage.startWorker();
    const counts = await reached(worker, "replayed", 1, 120_000);
    return counts.replayedAt - counts.openedAt;
  });
}

async function reached(
  worker: WorkflowRole,
  count: "asleep" | "woken" | "ticks" | "replayed",
  wanted: number,
  withinMs: number,
) {
  for (const until = now() + withinMs; ;) {
    const counts = await worker.ask("counts", null);
    if (counts[count] >= wanted) return counts;
    if (now() > until)
      throw new Error(
        `Only ${counts[count]} of ${wanted} were "${count}" within ${Math.round(withinMs)} ms`,
      );
    await delay(50);
  }
}

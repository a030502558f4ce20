// troupe work: serves every agent that the given modules export, until it is told to stop; then it finishes
// what it has in hand and exits 0. A second signal ends it at once, and other workers take the rest.
import { toMs } from "../protocol/duration.js";
import type { ServeOptions, Worker } from "../workers/worker.js";
import type { Bus } from "../troupe.js";
import { exitCodes, wrongUsage } from "./exit.js";
import { agentsOf } from "./modules.js";
import { closeInTime, openBus, untilInterrupted } from "./session.js";
import { toDuration } from "./values.js";
import type { Call, Verb } from "./verb.js";

export const work: Verb = {
  summary: "Serves every agent that the modules export, until it is stopped.",
  usage: ["troupe work FILE… [--concurrency N] [--lane L]"],
  options: {
    concurrency: {
      type: "string",
      value: "N",
      help: "how many tasks at a time, for each agent (default 16)",
    },
    lane: {
      type: "string",
      value: "LANE",
      help: "take what is submitted to this lane (default main)",
    },
    "ack-wait": {
      type: "string",
      value: "10s",
      help: "a task whose worker is silent for so long goes to another",
    },
    drain: {
      type: "string",
      value: "30s",
      help: "how long stopping waits for what is in hand",
    },
  },
  example: "troupe work dist/writer.js dist/weather.js --concurrency 8",
  async run(call) {
    if (call.words.length === 0)
      throw wrongUsage(
        "which modules? Name the files that export your agents: troupe work FILE…",
      );
    const options = optionsOf(call);
    const agents = await agentsOf(call.words);
    const bus = await openBus(call);
    const stopped = untilInterrupted();
    const workers = await Promise.all(
      agents.map((agent) => bus.serve(agent, options)),
    );
    for (const worker of workers) announce(call, worker, bus);
    await stopped;
    await drain(call, bus, workers, options);
    return exitCodes.done;
  },
};

function optionsOf(call: Call): ServeOptions {
  const options: ServeOptions = { signals: false };
  const concurrency = call.whole("concurrency");
  const lane = call.text("lane");
  const ackWait = call.text("ack-wait");
  const drainFor = call.text("drain");
  if (concurrency !== undefined) options.concurrency = concurrency;
  if (lane !== undefined) options.lane = lane;
  if (ackWait !== undefined)
    options.ackWait = toDuration(ackWait, "--ack-wait");
  if (drainFor !== undefined) options.drain = toDuration(drainFor, "--drain");
  return options;
}

function announce(call: Call, worker: Worker, bus: Bus): void {
  const { agent, instance, lane, concurrency } = worker;
  const { url, namespace } = bus;
  call.output.result(
    { serving: agent, instance, lane, concurrency, url, namespace },
    () =>
      `serving ${call.output.paint("cyan", agent)}  instance ${instance}, ${concurrency} at a time, at ${url}`,
  );
}

async function drain(
  call: Call,
  bus: Bus,
  workers: readonly Worker[],
  options: ServeOptions,
): Promise<void> {
  const inHand = workers.reduce(
    (sum, worker) => sum + worker.card().running,
    0,
  );
  call.output.note(
    inHand === 0
      ? "stopping"
      : `stopping: ${inHand} in hand are finished first; again to leave them to another worker`,
  );
  const drainMs = toMs(options.drain ?? "30s", "--drain");
  await closeInTime(bus, inHand === 0 ? 0 : drainMs);
  for (const { agent, instance, counts } of workers)
    call.output.result(
      { stopped: agent, instance, ...counts },
      () =>
        `stopped ${agent}  ${counts.completed} completed, ${counts.failed} failed, ${counts.retried} to be retried`,
    );
}

// troupe work: serves every agent that the given modules export, until it is told to stop; then it finishes
// what it has in hand and exits 0. A second signal ends it at once, and other workers take the rest.
// With --replicas it supervises processes of itself that do so (cli/replicas/).
import { toMs, type Duration } from "../protocol/duration.js";
import { defaultLane } from "../protocol/subjects.js";
import type { ServeOptions } from "../workers/serve-options.js";
import type { Worker } from "../workers/worker.js";
import type { Bus } from "../troupe.js";
import { noteOthers } from "./also-served.js";
import { commandLine } from "./command-line.js";
import { exitCodes, wrongUsage } from "./exit.js";
import { agentsOf } from "./modules.js";
import { toBounds } from "./replicas/bounds.js";
import { howToResume, pausedText, pauseOf } from "./pause-text.js";
import { Parent } from "./replicas/parent.js";
import {
  superviseReplicas,
  type SupervisionOptions,
} from "./replicas/supervise.js";
import {
  closeInTime,
  openBus,
  unlessStopped,
  untilInterrupted,
} from "./session.js";
import { toDuration, toLabels } from "./values.js";
import type { Call, Verb } from "./verb.js";

export const work: Verb = {
  summary: "Serves every agent that the modules export, until it is stopped.",
  usage: [
    "troupe work FILE… [--concurrency N] [--lane L]",
    "troupe work FILE… --replicas N|LEAST..MOST|auto [--latency 1s] [--idle 30s]",
  ],
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
    label: {
      type: "string",
      value: "NAME=VALUE",
      multiple: true,
      help: "by which callers may choose, such as region=eu; may be given several times",
    },
    weight: {
      type: "string",
      value: "N",
      help: "its share where callers spread work by weight (default 1)",
    },
    "ack-wait": {
      type: "string",
      value: "10s",
      help: "a task whose worker is silent for so long goes to another (default 10s)",
    },
    drain: {
      type: "string",
      value: "30s",
      help: "how long stopping waits for what is in hand (default 30s)",
    },
    replicas: {
      type: "string",
      value: "1..8",
      help: "processes: a number, bounds, or auto for one a core (default: this one alone)",
    },
    latency: {
      type: "string",
      value: "1s",
      help: "with bounds: more replicas when a task waits longer than this",
    },
    idle: {
      type: "string",
      value: "30s",
      help: "with bounds: replicas that were not needed for so long go",
    },
  },
  example: "troupe work dist/writer.js dist/weather.js --replicas 1..8",
  async run(call) {
    if (call.words.length === 0)
      throw wrongUsage(
        `which modules? Name the files that export your agents: ${commandLine`work FILE…`}`,
      );
    const options = optionsOf(call);
    if (call.text("replicas") !== undefined)
      return superviseReplicas(call, supervisionOf(call));
    const parent = Parent.find();
    const agents = await agentsOf(call.words);
    const bus = await openBus(call);
    const stopped = parent?.stopped ?? untilInterrupted();
    parent?.begins();
    const workers = await unlessStopped(
      stopped,
      Promise.all(agents.map((agent) => bus.serve(agent, options))),
    );
    if (workers) {
      for (const worker of workers) await announce(call, worker, bus);
      await noteOthers(call, bus, workers);
      parent?.tell(workers);
      await Promise.race([stopped, allStopped(workers)]);
    }
    await drain(call, bus, workers ?? [], options);
    return exitCodes.done;
  },
};

function optionsOf(call: Call): ServeOptions {
  const options: ServeOptions = { signals: false };
  const concurrency = call.whole("concurrency");
  const lane = call.text("lane");
  const labels = toLabels(call.texts("label"));
  const weight = call.number("weight");
  const ackWait = call.text("ack-wait");
  const drainFor = call.text("drain");
  if (concurrency !== undefined) options.concurrency = concurrency;
  if (lane !== undefined) options.lane = lane;
  if (labels !== undefined) options.labels = labels;
  if (weight !== undefined) options.weight = weight;
  if (ackWait !== undefined)
    options.ackWait = toDuration(ackWait, "--ack-wait");
  if (drainFor !== undefined) options.drain = toDuration(drainFor, "--drain");
  return options;
}

function supervisionOf(call: Call): SupervisionOptions {
  const bounds = toBounds(call.text("replicas")!);
  const scales = bounds.least < bounds.most;
  for (const name of ["latency", "idle"])
    if (!scales && call.text(name) !== undefined)
      throw wrongUsage(
        `--${name} says when the number of replicas changes: give it bounds such as --replicas 1..8`,
      );
  const ms = (name: string, otherwise: Duration): number =>
    toMs(toDuration(call.text(name) ?? String(otherwise), `--${name}`));
  return {
    bounds,
    latencyMs: ms("latency", "1s"),
    idleMs: ms("idle", "30s"),
    drainMs: ms("drain", "30s"),
    args: argsOfReplica(call),
  };
}

/** The same command for one replica, which reports to its supervisor. */
function argsOfReplica(call: Call): string[] {
  const passed = [
    "url",
    "namespace",
    "concurrency",
    "lane",
    "weight",
    "ack-wait",
    "drain",
  ];
  const args = passed.flatMap((name) => {
    const value = call.text(name);
    return value === undefined ? [] : [`--${name}=${value}`];
  });
  for (const label of call.texts("label")) args.push(`--label=${label}`);
  if (call.output.json) args.push("--json");
  return ["work", ...args, "--", ...call.words];
}

/** Somebody has told them to drain. */
function allStopped(workers: readonly Worker[]): Promise<unknown> {
  return Promise.all(workers.map((worker) => worker.stopped));
}

async function announce(call: Call, worker: Worker, bus: Bus): Promise<void> {
  const { agent, instance, lane, concurrency } = worker;
  const { url, namespace } = bus;
  const paused = await pauseOf(bus, agent, lane);
  call.output.result(
    {
      serving: agent,
      instance,
      lane,
      concurrency,
      url,
      namespace,
      ...(paused && { orders: paused }),
    },
    () =>
      `serving ${call.output.paint("cyan", agent)}${lane === defaultLane ? "" : `  lane ${lane}`}  instance ${instance}, ${concurrency} at a time, at ${url}`,
  );
  if (paused)
    call.output.note(
      `note: ${agent} is ${pausedText(paused)}. It takes no tasks until ${howToResume(agent, paused, lane)}`,
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

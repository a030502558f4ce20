// troupe lanes: two versions of an agent at once, which share of the tasks each gets, and how each fares.
import { formatMs } from "../protocol/duration.js";
import { TroupeError } from "../protocol/errors.js";
import type {
  ChangeOptions,
  Lane,
  LaneChange,
  LanesOf,
} from "../bus/lanes/lanes.js";
import type { Weights } from "../protocol/lanes.js";
import { defaultLane } from "../protocol/subjects.js";
import type { Bus } from "../troupe.js";
import { commandLine } from "./command-line.js";
import { dateOf } from "./times.js";
import { exitCodes, wrongUsage, type ExitCode } from "./exit.js";
import { runForm } from "./forms.js";
import { lanesOf } from "./known-agents.js";
import { nothing, withBus } from "./session.js";
import { toDuration } from "./values.js";
import type { Call, Verb } from "./verb.js";

const forms = { ls, show, split, promote, rollback, clear };

export const lanes: Verb = {
  summary:
    "Splits an agent's tasks between lanes, promotes one, rolls back; shows them side by side.",
  usage: [
    "troupe lanes ls",
    "troupe lanes show AGENT [--window 15m]",
    "troupe lanes split AGENT LANE=WEIGHT… [--force]",
    "troupe lanes promote AGENT LANE [--force]",
    "troupe lanes rollback AGENT [--force]",
    "troupe lanes clear AGENT [--force]   (no split, and nothing to roll back to any more)",
  ],
  options: {
    window: {
      type: "string",
      value: "15m",
      help: "of show: tasks that ended within so long a time",
    },
    force: {
      type: "boolean",
      help: "also to a lane that nobody serves: its tasks wait",
    },
  },
  example: "troupe lanes split writer main=90 canary=10",
  run: (call) => runForm("lanes", forms, call),
};

const agentOf = (call: Call): string => call.word(1, "the AGENT");

function ls(call: Call): Promise<ExitCode> {
  call.atMost(1);
  return withBus(call, async (bus) => {
    const splits = [...(await bus.lanes.all())].map(([agent, weights]) => ({
      agent,
      weights,
    }));
    call.output.list(
      splits,
      ["AGENT", "SPLIT"],
      ({ agent, weights }) => [agent, inWords(weights)],
      nothing("split lanes", bus),
    );
    return exitCodes.done;
  });
}

function show(call: Call): Promise<ExitCode> {
  const agent = agentOf(call);
  call.atMost(2);
  const window = toDuration(call.text("window") ?? "15m", "--window");
  return withBus(call, async (bus) => {
    const found = await bus.lanes
      .show(agent, { window })
      .catch((error: unknown) => unlessUnknown(bus, agent, error));
    if (call.output.json) call.output.object(found);
    else print(call, found);
    return exitCodes.done;
  });
}

/** Answers never: throws what tells best what was wrong. */
async function unlessUnknown(
  bus: Bus,
  agent: string,
  error: unknown,
): Promise<never> {
  const codes = ["AGENT_UNKNOWN", "LANE_UNSERVED"];
  if (error instanceof TroupeError && codes.includes(error.code))
    await lanesOf(bus, agent);
  throw error;
}

function split(call: Call): Promise<ExitCode> {
  const agent = agentOf(call);
  const weights = toWeights(call.words.slice(2));
  return change(call, agent, (bus, options) =>
    bus.lanes.split(agent, weights, options),
  );
}

function promote(call: Call): Promise<ExitCode> {
  const agent = agentOf(call);
  const lane = call.word(2, "the LANE to promote");
  call.atMost(3);
  return change(call, agent, (bus, options) =>
    bus.lanes.promote(agent, lane, options),
  );
}

function rollback(call: Call): Promise<ExitCode> {
  const agent = agentOf(call);
  call.atMost(2);
  return change(call, agent, (bus, options) =>
    bus.lanes.rollback(agent, options),
  );
}

function clear(call: Call): Promise<ExitCode> {
  const agent = agentOf(call);
  call.atMost(2);
  return change(
    call,
    agent,
    (bus, options) => bus.lanes.clear(agent, options),
    "; there is nothing to roll back to any more",
  );
}

function change(
  call: Call,
  agent: string,
  make: (bus: Bus, options: ChangeOptions) => Promise<Weights>,
  also = "",
): Promise<ExitCode> {
  return withBus(call, async (bus) => {
    const weights = await make(bus, { force: call.flag("force") }).catch(
      (error: unknown) => unlessUnknown(bus, agent, error),
    );
    call.output.result(
      { agent, weights },
      () => `${agent}: ${inWords(weights)}${also}`,
    );
    return exitCodes.done;
  });
}

function toWeights(words: readonly string[]): Weights {
  const pairs = words.map((word): [string, number] => {
    const at = word.lastIndexOf("=");
    const weight = Number(word.slice(at + 1).replace(/%$/, "") || Number.NaN);
    if (at < 1 || !(weight >= 0))
      throw wrongUsage(
        `"${word}" is no lane and its weight: write LANE=WEIGHT, such as canary=10`,
      );
    return [word.slice(0, at), weight];
  });
  if (pairs.length === 0)
    throw wrongUsage(
      `which lanes? Write each with its weight: ${commandLine`lanes split AGENT main=90 canary=10`}`,
    );
  return Object.fromEntries(pairs);
}

/** "main 90%, canary 10%" */
function inWords(weights: Weights): string {
  const total = Object.values(weights).reduce((sum, weight) => sum + weight, 0);
  if (total === 0) return `all to ${defaultLane}`;
  return Object.entries(weights)
    .map(([lane, weight]) => `${lane} ${percent(weight / total)}`)
    .join(", ");
}

const percent = (part: number | undefined): string =>
  part === undefined ? "-" : `${Math.round(part * 1_000) / 10}%`;

const head = [
  "LANE",
  "VERSION",
  "SHARE",
  "OF KEYS",
  "INSTANCES",
  "WAITING",
  "IN HAND",
  "DONE",
  "FAILED",
  "ERRORS",
  "RETRIES",
  "P50",
  "P95",
];

function print(call: Call, { agent, lanes, changes }: LanesOf): void {
  const { output } = call;
  output.list(lanes, head, rowOf, `Agent "${agent}" has no lanes.`);
  if (changes.length === 0) return;
  output.line();
  output.rows(changes.map(changeRow));
}

const rowOf = (lane: Lane): string[] => [
  lane.lane,
  lane.versions.join(", ") || "-",
  percent(lane.share),
  percent(lane.keyShare),
  String(lane.instances),
  String(lane.waiting),
  String(lane.inHand),
  String(lane.completed + lane.failed),
  String(lane.failed),
  percent(lane.errorRate),
  percent(lane.retryRate),
  lane.p50Ms === undefined ? "-" : formatMs(lane.p50Ms),
  lane.p95Ms === undefined ? "-" : formatMs(lane.p95Ms),
];

const changeRow = ({ at, action, weights }: LaneChange): string[] => [
  dateOf(at),
  action,
  inWords(weights),
];

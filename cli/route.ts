// troupe route: who would get a task, and why. Nothing is submitted.
import { TroupeError } from "../protocol/errors.js";
import type { Bus } from "../troupe.js";
import type { RouteOptions } from "../bus/routing/router.js";
import type { Need } from "../protocol/need.js";
import type { Route, RouteCandidate } from "../protocol/route.js";
import { exitCodes } from "./exit.js";
import { needFrom, needOptions } from "./need.js";
import { howToResume, pausedText, pauseOf } from "./pause-text.js";
import { withBus } from "./session.js";
import { toDuration } from "./values.js";
import type { Call, Options, Verb } from "./verb.js";

const options: Options = {
  ...needOptions,
  context: {
    type: "string",
    value: "ID",
    help: "what sticky goes by",
  },
  lane: { type: "string", value: "LANE", help: "in this lane only" },
  wait: {
    type: "string",
    value: "30s",
    help: "how long to wait for one that fits (default not at all)",
  },
};

export const route: Verb = {
  summary: "Says who would get a task, and why. Nothing is submitted.",
  usage: [
    "troupe route NEED           such as summarize, text.summarize@^2 or '*.summarize@>=2 <3'",
    'troupe route --text WORDS   such as "make this shorter"',
  ],
  options,
  example: `troupe route --text "make this shorter" --label region=eu`,
  run(call) {
    call.atMost(1);
    const need = neededFrom(call);
    return withBus(call, async (bus) => {
      const found = await bus
        .route(need, optionsFrom(call))
        .catch((error: unknown) => whyPaused(bus, error));
      if (call.output.json) call.output.object(found);
      else print(call, found);
      return exitCodes.done;
    });
  },
};

/** Throws what tells who is paused and why, where all but that would fit; else the error. */
async function whyPaused(bus: Bus, error: unknown): Promise<never> {
  const paused = error instanceof TroupeError && error.data?.["paused"];
  if (!paused) throw error;
  const { agent, lane } = paused as { agent: string; lane: string };
  const orders = await pauseOf(bus, agent, lane);
  if (!orders) throw error; // resumed meanwhile
  const where = orders.paused ? "" : ` in lane "${lane}"`;
  throw new TroupeError(
    "AGENT_PAUSED",
    `agent "${agent}"${where} is ${pausedText(orders)}. A task that names it waits until it is resumed: ${howToResume(agent, orders, lane)}`,
    { cause: error },
  );
}

function print(call: Call, found: Route): void {
  const { agent, skill, lane, version, strategy, why, fitting } = found;
  call.output.line(
    `${call.output.paint("cyan", `${agent}.${skill}`)} ${version}  lane ${lane}  ${strategy}: ${why}`,
  );
  call.output.line();
  call.output.rows([head, ...found.candidates.map(rowOf)]);
  if (fitting > found.candidates.length)
    call.output.note(`and ${fitting - found.candidates.length} more`);
}

function neededFrom(call: Call): Need {
  const need = needFrom(call, 0);
  const wait = call.text("wait");
  if (wait === undefined) return need;
  return { ...need, wait: toDuration(wait, "--wait") };
}

function optionsFrom(call: Call): RouteOptions {
  return { context: call.text("context"), lane: call.text("lane") };
}

const head = [
  "CANDIDATE",
  "VERSION",
  "LANE",
  "SCORE",
  "INSTANCES",
  "LOAD",
  "LATENCY",
];

function rowOf(candidate: RouteCandidate): string[] {
  const { agent, skill, version, lane, score, instances, load, latencyMs } =
    candidate;
  return [
    `${agent}.${skill}`,
    version,
    lane,
    score?.toFixed(2) ?? "",
    String(instances),
    load === undefined ? "" : `${Math.round(load * 100)}%`,
    latencyMs === undefined ? "" : `${latencyMs.toFixed(1)}ms`,
  ];
}

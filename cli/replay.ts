// troupe replay: any part of the log, as fast as it comes or at the pace at which it happened.
import type {
  AgentReplayFilter,
  ReplayFilter,
  ReplayRange,
} from "../bus/history/replay.js";
import { eventLine } from "./event-line.js";
import { exitCodes } from "./exit.js";
import { endOnInterrupt, withBus } from "./session.js";
import { fits, kindsHelp, toKinds, toMoment } from "./values.js";
import type { Call, Verb } from "./verb.js";

export const replay: Verb = {
  summary: "Prints what happened, oldest first.",
  usage: ["troupe replay [--agent NAME] [--since 1h] [--speed 10] …"],
  options: {
    task: { type: "string", value: "ID", help: "only this task's" },
    agent: { type: "string", value: "NAME", help: "only this agent's" },
    kind: {
      type: "string",
      value: "KIND",
      multiple: true,
      help: kindsHelp,
    },
    since: {
      type: "string",
      value: "WHEN",
      help: `from then on: "1h" ago, or a date`,
    },
    until: { type: "string", value: "WHEN", help: "up to then" },
    from: { type: "string", value: "N", help: "from this place on the log" },
    to: { type: "string", value: "N", help: "up to and with this place" },
    speed: {
      type: "string",
      value: "X",
      help: "1 is the recorded pace (default as fast as it comes)",
    },
    follow: { type: "boolean", help: "go on with what comes, until Ctrl-C" },
  },
  example: "troupe replay --agent weather --since 10m --speed 5",
  run(call) {
    call.atMost(0);
    const filter = filterOf(call);
    const kinds = toKinds(call.texts("kind"));
    if (filter.follow) endOnInterrupt(exitCodes.done);
    return withBus(call, async (bus) => {
      let count = 0;
      for await (const event of bus.replay(filter)) {
        if (!fits(kinds, event)) continue;
        count++;
        call.output.result(event, () => eventLine(event, call.output));
      }
      if (count === 0) call.output.note("No event fits.");
      return exitCodes.done;
    });
  },
};

/** A task's events, or all. */
function filterOf(call: Call): ReplayFilter | AgentReplayFilter {
  const task = call.text("task");
  const agent = call.text("agent");
  return {
    ...rangeOf(call),
    ...(agent === undefined ? {} : { agent }),
    ...(task === undefined ? { kind: "all" } : { task }),
  };
}

function rangeOf(call: Call): ReplayRange {
  const filter: ReplayRange = { follow: call.flag("follow") };
  for (const name of ["since", "until"] as const) {
    const text = call.text(name);
    if (text !== undefined) filter[name] = toMoment(text, `--${name}`);
  }
  for (const name of ["from", "to"] as const) {
    const place = call.whole(name);
    if (place !== undefined) filter[name] = place;
  }
  const speed = call.number("speed");
  if (speed !== undefined) filter.speed = speed;
  return filter;
}

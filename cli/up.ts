// troupe up: an orchestrator, until it is told to stop. Several may run: all answer, one leads.
import type { Orchestrator } from "../orchestrator/orchestrator.js";
import type { Bus } from "../troupe.js";
import { exitCodes } from "./exit.js";
import {
  closeInTime,
  openBus,
  unlessStopped,
  untilInterrupted,
} from "./session.js";
import type { Call, Verb } from "./verb.js";

export const up: Verb = {
  summary:
    "Runs an orchestrator: it answers queries, and of several one leads the duties.",
  usage: ["troupe up [--window N]"],
  options: {
    window: {
      type: "string",
      value: "N",
      help: "how many places of the log it looks back (default 100000)",
    },
  },
  example: "troupe up",
  async run(call) {
    call.atMost(0);
    const window = call.whole("window");
    const bus = await openBus(call);
    const stopped = untilInterrupted();
    const starting = bus.orchestrate({
      signals: false,
      ...(window === undefined ? {} : { window }),
    });
    const orchestrator = await unlessStopped(stopped, starting);
    if (orchestrator) announce(call, orchestrator, bus);
    await stopped;
    call.output.note("stopping");
    await closeInTime(bus);
    return exitCodes.done;
  },
};

function announce(call: Call, orchestrator: Orchestrator, bus: Bus): void {
  const { output } = call;
  const { instance } = orchestrator;
  const { url, namespace } = bus;
  const tell = (state: string) => {
    const { term } = orchestrator;
    output.result({ instance, state, term, url, namespace }, () =>
      state === "leading"
        ? `${output.paint("green", "leading")}  orchestrator ${instance}, term ${term}, at ${url}`
        : `${output.paint("cyan", state)}  orchestrator ${instance}, at ${url}`,
    );
  };
  tell(orchestrator.state);
  orchestrator.onState(tell);
}

// troupe ask: request-reply with whichever instance is free. Nothing is stored.
import { toNeed } from "../bus/tasks/target.js";
import { exitCodes } from "./exit.js";
import { whoWasMeant } from "./known-agents.js";
import { needOptions, targetFrom } from "./need.js";
import { inFull } from "./result.js";
import { withBus } from "./session.js";
import { toDuration, toJson } from "./values.js";
import type { Verb } from "./verb.js";

export const ask: Verb = {
  summary: "Asks an agent and prints its answer. Nothing is stored.",
  usage: [
    "troupe ask AGENT.SKILL [JSON]   (JSON - reads standard input)",
    "troupe ask SKILL@RANGE [JSON]   whoever has it: see troupe route --help",
    "troupe ask --text WORDS [JSON]  whoever does what is said",
  ],
  options: {
    ...needOptions,
    timeout: {
      type: "string",
      value: "10s",
      help: "how long to wait for the answer (default 10s)",
    },
    lane: {
      type: "string",
      value: "LANE",
      help: "which version of the agent (default main, or as its lanes are split)",
    },
  },
  example: `troupe ask writer.headline '{"text":"It rained for a week."}'`,
  run(call) {
    const { target, next } = targetFrom(call, 0);
    call.atMost(next + 1);
    const input = toJson(call.words[next] ?? "{}", "the input");
    const timeout = toDuration(call.text("timeout") ?? "10s", "--timeout");
    return withBus(call, async (bus) => {
      const lane = call.text("lane");
      const options = lane === undefined ? { timeout } : { timeout, lane };
      const output = await bus
        .ask(target, input, options)
        .catch((error: unknown) =>
          whoWasMeant(bus, toNeed(target).agent, error),
        );
      call.output.result({ output }, () => inFull(output));
      return exitCodes.done;
    });
  },
};

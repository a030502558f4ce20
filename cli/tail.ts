// troupe tail: events as they come, until Ctrl-C.
import type { AgentEvent } from "../protocol/agent-events.js";
import type { TaskEvent } from "../protocol/task.js";
import { eventLine } from "./event-line.js";
import { exitCodes } from "./exit.js";
import { endOnInterrupt, withBus } from "./session.js";
import { fits, kindsHelp, toKinds, type Kind } from "./values.js";
import type { Call, Verb } from "./verb.js";

export const tail: Verb = {
  summary: "Follows what happens to tasks and agents, until Ctrl-C.",
  usage: ["troupe tail [--agent NAME] [--kind KIND,…]"],
  options: {
    agent: { type: "string", value: "NAME", help: "only this agent's" },
    kind: {
      type: "string",
      value: "KIND",
      multiple: true,
      help: kindsHelp,
    },
  },
  example: "troupe tail --agent weather --kind attempt,failed",
  run(call) {
    call.atMost(0);
    const kinds = toKinds(call.texts("kind"));
    const agent = call.text("agent");
    const filter = agent === undefined ? {} : { agent };
    endOnInterrupt(exitCodes.done);
    return withBus(call, async (bus) => {
      call.output.note(
        `following "${bus.namespace}" at ${bus.url}; Ctrl-C ends it`,
      );
      const stored = bus.replay({
        ...filter,
        kind: "all",
        since: 0,
        follow: true,
      });
      const live = bus.progress(filter);
      await Promise.race([
        print(call, kinds, stored),
        print(call, kinds, live),
      ]);
      return exitCodes.done;
    });
  },
};

async function print(
  call: Call,
  kinds: readonly Kind[],
  events: AsyncIterable<TaskEvent | AgentEvent>,
): Promise<void> {
  for await (const event of events)
    if (fits(kinds, event))
      call.output.result(event, () => eventLine(event, call.output));
}

// troupe tail: events as they come, until Ctrl-C.
import type { TaskEvent } from "../protocol/task.js";
import { eventLine } from "./event-line.js";
import { exitCodes } from "./exit.js";
import { endOnInterrupt, withBus } from "./session.js";
import { toKinds } from "./values.js";
import type { Verb } from "./verb.js";

export const tail: Verb = {
  summary: "Follows the events of all tasks as they come, until Ctrl-C.",
  usage: ["troupe tail [--agent NAME] [--kind KIND,…]"],
  options: {
    agent: { type: "string", value: "NAME", help: "only this agent's" },
    kind: {
      type: "string",
      value: "KIND",
      multiple: true,
      help: "only started, attempt, completed, failed, canceled, rejected",
    },
  },
  example: "troupe tail --agent weather --kind attempt,failed",
  run(call) {
    call.atMost(0);
    const kind = toKinds(call.texts("kind"));
    const agent = call.text("agent");
    endOnInterrupt();
    return withBus(call, async (bus) => {
      call.output.note(
        `following "${bus.namespace}" at ${bus.url}; Ctrl-C ends it`,
      );
      const events = bus.replay({
        since: 0,
        follow: true,
        ...(agent === undefined ? {} : { agent }),
        ...(kind.length === 0 ? {} : { kind }),
      });
      for await (const event of events)
        call.output.result(event satisfies TaskEvent, () =>
          eventLine(event, call.output),
        );
      return exitCodes.done;
    });
  },
};

// troupe signal: a value for a task that waits for it, or will.
import type { Bus } from "../troupe.js";
import { exitCodes } from "./exit.js";
import { withBus } from "./session.js";
import { awaitedSignals } from "./signal-text.js";
import { toJson } from "./values.js";
import type { Call, Verb } from "./verb.js";

export const signal: Verb = {
  summary: "Sends a value to a task whose handler waits for it, or will.",
  usage: ["troupe signal ID NAME [JSON]   (JSON - reads standard input)"],
  options: {
    id: {
      type: "string",
      value: "ID",
      help: "sent twice with the same one it counts once",
    },
    agent: {
      type: "string",
      value: "NAME",
      help: "whose task it is, where several agents have one of this id",
    },
  },
  example: `troupe signal 01JD… approval '{"agreed":true}'`,
  run(call) {
    const task = call.word(0, "ID");
    const name = call.word(1, "NAME");
    call.atMost(3);
    const value = toJson(call.words[2] ?? "null", "the value");
    const [id, agent] = [call.text("id"), call.text("agent")];
    return withBus(call, async (bus) => {
      const whose = agent === undefined ? {} : { agent };
      const awaited = await awaitedBy(bus, task, whose);
      const isNew = await bus.signal(task, name, value, {
        ...(id === undefined ? {} : { id }),
        ...whose,
      });
      hintAtName(call, awaited, name);
      call.output.result({ task, name, sent: isNew }, () =>
        isNew
          ? `Sent "${name}" to task ${task}${awaited.includes(name) ? ", which waits for it." : ": it is kept until the task waits for it."}`
          : `Task ${task} has "${name}" with this id already; it counts once.`,
      );
      return exitCodes.done;
    });
  },
};

/** Their names. What keeps the journal from being read is told when the signal is sent. */
async function awaitedBy(
  bus: Bus,
  task: string,
  whose: { agent?: string },
): Promise<string[]> {
  try {
    return awaitedSignals(await bus.journal(task, whose)).map(
      (awaited) => awaited.name,
    );
  } catch {
    return [];
  }
}

/** It may wait for this one later; but who has mistyped its name would wait with it. */
function hintAtName(
  call: Call,
  awaited: readonly string[],
  name: string,
): void {
  if (awaited.length === 0 || awaited.includes(name)) return;
  call.output.note(
    `note: it does not wait for that now, but for "${awaited.join('", "')}"`,
  );
}

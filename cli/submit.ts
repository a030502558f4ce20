// troupe submit: a durable task, and, with --wait, its result.
import type { CallOptions } from "../bus/tasks/submit-options.js";
import { toNeed } from "../bus/tasks/target.js";
import type { TaskHandle } from "../bus/tasks/task-handle.js";
import type { Need } from "../protocol/need.js";
import type { Bus } from "../troupe.js";
import { exitCodes, type ExitCode } from "./exit.js";
import { whoWasMeant } from "./known-agents.js";
import { needOptions, targetFrom } from "./need.js";
import { tellResult } from "./result.js";
import { withBus } from "./session.js";
import { oneOf, toDuration, toJson, toLevel } from "./values.js";
import type { Call, Verb } from "./verb.js";
import { idText } from "./waiting.js";
import { hintAtWorkers } from "./worker-hint.js";

export const submit: Verb = {
  summary: "Submits a durable task; from then on it ends exactly once.",
  usage: [
    "troupe submit AGENT.SKILL [JSON]   (JSON - reads standard input)",
    "troupe submit SKILL@RANGE [JSON]   to whoever has it: see troupe route --help",
    "troupe submit --text WORDS [JSON]  to whoever does what is said",
  ],
  options: {
    ...needOptions,
    priority: {
      type: "string",
      value: "LEVEL",
      help: "critical, high, normal or low (default normal)",
    },
    key: {
      type: "string",
      value: "KEY",
      help: "tasks with the same key go one at a time, in order",
    },
    delay: { type: "string", value: "5s", help: "handle it no sooner" },
    deadline: {
      type: "string",
      value: "1m",
      help: "fail it when it has not ended by then",
    },
    id: {
      type: "string",
      value: "ID",
      help: "the same id twice is one task (default a ULID)",
    },
    context: {
      type: "string",
      value: "ID",
      help: "tasks that belong together",
    },
    lane: {
      type: "string",
      value: "LANE",
      help: "which version of the agent (default main)",
    },
    format: {
      type: "string",
      value: "FORMAT",
      help: "of the message: msgpack or json (default msgpack)",
    },
    wait: { type: "boolean", help: "wait for the result and print it" },
    timeout: {
      type: "string",
      value: "1m",
      help: "how long --wait waits (default 1m)",
    },
  },
  example: `troupe submit writer.headline '{"text":"It rained for a week."}' --priority high --wait`,
  run(call) {
    const { target, next } = targetFrom(call, 0);
    call.atMost(next + 1);
    const input = toJson(call.words[next] ?? "{}", "the input");
    const options = optionsOf(call);
    return withBus(call, async (bus) => {
      const task = await bus
        .submit(target, input, options)
        .catch((error: unknown) =>
          whoWasMeant(bus, toNeed(target).agent, error),
        );
      return call.flag("wait")
        ? waitFor(call, bus, task, target)
        : tellId(call, bus, task, target);
    });
  },
};

function optionsOf(call: Call): CallOptions {
  const options: CallOptions = {};
  for (const name of ["id", "key", "context", "lane"] as const) {
    const text = call.text(name);
    if (text !== undefined) options[name] = text;
  }
  for (const name of ["delay", "deadline"] as const) {
    const text = call.text(name);
    if (text !== undefined) options[name] = toDuration(text, `--${name}`);
  }
  const priority = call.text("priority");
  if (priority !== undefined) options.priority = toLevel(priority);
  const format = call.text("format");
  if (format !== undefined)
    options.format = oneOf("format", format, ["msgpack", "json"]);
  return options;
}

async function tellId(
  call: Call,
  bus: Bus,
  task: TaskHandle,
  target: string | Need,
): Promise<ExitCode> {
  const { id: taskId, agent, duplicate } = task;
  call.output.result({ taskId, agent, duplicate }, () => idText(task));
  await hintAtWorkers(call, bus, target);
  return exitCodes.done;
}

function waitFor(
  call: Call,
  bus: Bus,
  task: TaskHandle,
  target: string | Need,
): Promise<ExitCode> {
  const timeout = toDuration(call.text("timeout") ?? "1m", "--timeout");
  const result = async () => {
    await hintAtWorkers(call, bus, target);
    return task.result({ timeout });
  };
  const facts = { taskId: task.id, state: "completed" };
  return tellResult(call, task, result, facts);
}

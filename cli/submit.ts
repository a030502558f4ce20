// troupe submit: a durable task, and, with --wait, its result.
import type { CallOptions } from "../bus/tasks/submit-options.js";
import { TroupeError } from "../protocol/errors.js";
import type { Need } from "../protocol/need.js";
import { orchestratorName } from "../protocol/subjects.js";
import { newId } from "../protocol/ids.js";
import type { Bus } from "../troupe.js";
import { toNeed } from "../bus/tasks/target.js";
import { commandLine } from "./command-line.js";
import { exitCodes, wrongUsage, type ExitCode } from "./exit.js";
import { unknownWord } from "./nearest.js";
import { needOptions, targetFrom } from "./need.js";
import { withBus } from "./session.js";
import { toDuration, toJson, toLevel } from "./values.js";
import type { Call, Verb } from "./verb.js";

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
    return withBus(call, (bus) =>
      call.flag("wait")
        ? submitAndWait(call, bus, { target, input, options })
        : submitOnly(call, bus, { target, input, options }),
    );
  },
};

interface Asked {
  target: string | Need;
  input: unknown;
  options: CallOptions;
}

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
  if (format !== undefined) options.format = toFormat(format);
  return options;
}

function toFormat(text: string): "msgpack" | "json" {
  if (text === "msgpack" || text === "json") return text;
  throw wrongUsage(unknownWord("format", text, ["msgpack", "json"]));
}

async function submitOnly(
  call: Call,
  bus: Bus,
  { target, input, options }: Asked,
): Promise<ExitCode> {
  const task = await bus.submit(target, input, options);
  const { id: taskId, agent, duplicate } = task;
  call.output.result(
    { taskId, agent, duplicate },
    () => `${taskId}${duplicate ? "  (was submitted before)" : ""}`,
  );
  await hintAtWorkers(call, bus, target);
  return exitCodes.done;
}

async function submitAndWait(
  call: Call,
  bus: Bus,
  { target, input, options }: Asked,
): Promise<ExitCode> {
  const taskId = options.id ?? newId();
  const timeout = toDuration(call.text("timeout") ?? "1m", "--timeout");
  await hintAtWorkers(call, bus, target);
  try {
    const all = { ...options, id: taskId, timeout };
    const output = await bus.call(target, input, all);
    call.output.result({ taskId, state: "completed", output }, () =>
      inFull(output),
    );
    return exitCodes.done;
  } catch (error) {
    const state = (await bus.find(taskId))?.state;
    if (state === undefined) throw error; // it was never accepted
    if (call.output.json) call.output.object({ taskId, state, error });
    else call.output.error(nameTask(error, taskId, state));
    return exitCodes.taskFailed;
  }
}

/** A task without a worker is no mistake; but whoever is new here may wonder why nothing happens. */
export async function hintAtWorkers(
  call: Call,
  bus: Bus,
  target: string | Need,
): Promise<void> {
  const { agent } = toNeed(target);
  if (agent === undefined) return; // it was routed to one that lives
  await hintAtWorkersOf(call, bus, agent);
}

export async function hintAtWorkersOf(
  call: Call,
  bus: Bus,
  agent: string,
): Promise<void> {
  if (call.output.json) return;
  const [cards, instances] = await Promise.all([
    bus.agents(),
    bus.instances(agent),
  ]);
  const isKnown = cards.some(({ name }) => name === agent);
  if (!isKnown || instances.length > 0) return;
  const start = agent === orchestratorName ? "up" : "work FILE…";
  call.output.note(
    `note: no instance of "${agent}" is running: its tasks are stored and wait for one (${commandLine(start)})`,
  );
}

/** The id, for whoever wants to see more of it with `troupe tasks show`. */
export function nameTask(
  error: unknown,
  taskId: string,
  state: string,
): unknown {
  if (!(error instanceof TroupeError) || error.message.includes(taskId))
    return error;
  const { code, message } = error;
  return new TroupeError(code, `${message} (task "${taskId}" is ${state})`, {
    cause: error,
  });
}

export const inFull = (value: unknown): string =>
  JSON.stringify(value, undefined, 2) ?? "";

// troupe plan run and answer: a plan is submitted, and a person answers what it asks.
import { existsSync } from "node:fs";
import { userInfo } from "node:os";
import type { RunPlanOptions } from "../bus/plans/plans.js";
import type { TaskHandle } from "../bus/tasks/task-handle.js";
import type { Duration } from "../protocol/duration.js";
import { orchestratorName, planSkillName } from "../protocol/subjects.js";
import type { Bus } from "../troupe.js";
import { inOptions } from "./advice.js";
import { exitCodes, wrongUsage, type ExitCode } from "./exit.js";
import { readPlan } from "./plan-file.js";
import { tellHowFar } from "./plan-follow.js";
import { questionRows } from "./plan-questions.js";
import { inFull, nameTask } from "./result.js";
import { withBus } from "./session.js";
import { toDuration, toJson } from "./values.js";
import type { Call, Options } from "./verb.js";
import { idText, whileWaiting } from "./waiting.js";
import { hintAtWorkers } from "./worker-hint.js";

export const runOptions: Options = {
  input: {
    type: "string",
    value: "JSON",
    help: "run: the plan's input (default {})",
  },
  param: {
    type: "string",
    multiple: true,
    value: "NAME=VALUE",
    help: "run: a parameter; the value is JSON, or else a text",
  },
  id: {
    type: "string",
    value: "ID",
    help: "run: the same id twice is one task (default a ULID)",
  },
  wait: { type: "boolean", help: "run: show how far it is, and the result" },
  timeout: {
    type: "string",
    value: "1h",
    help: "run: how long --wait waits for anything to happen (default 1h)",
  },
  by: {
    type: "string",
    value: "NAME",
    help: "answer: who says so (default you)",
  },
  comment: { type: "string", value: "TEXT", help: "answer: and why" },
};

const runner = `${orchestratorName}.${planSkillName}`;

export function run(call: Call): Promise<ExitCode> {
  const word = call.word(1, "the FILE or NAME");
  call.atMost(2);
  const isFile = word === "-" || existsSync(word) || /[/\\]|\.json$/.test(word);
  const plan = isFile ? readPlan(call, 1) : word;
  const options = optionsOf(call);
  const timeout = toDuration(call.text("timeout") ?? "1h", "--timeout");
  return withBus(call, async (bus) => {
    const task = await bus.plans.run(plan, options);
    if (call.flag("wait")) return await waitFor(call, bus, task, timeout);
    const { id: taskId, duplicate } = task;
    call.output.result({ taskId, duplicate }, () => idText(task));
    await hintAtWorkers(call, bus, runner);
    return exitCodes.done;
  });
}

async function waitFor(
  call: Call,
  bus: Bus,
  task: TaskHandle,
  timeout: Duration,
): Promise<ExitCode> {
  const { id: taskId, duplicate } = task;
  if (call.output.json) call.output.object({ taskId, duplicate });
  try {
    const output = await whileWaiting(call, task, async () => {
      await hintAtWorkers(call, bus, runner);
      await tellHowFar(call, bus, task, timeout);
      return task.result({ timeout });
    });
    call.output.result({ taskId, state: "completed", output }, () =>
      inFull(output),
    );
    return exitCodes.done;
  } catch (thrown) {
    const error = inOptions(thrown, call.options);
    if (call.output.json) call.output.object({ taskId, error });
    else {
      const state = await task.state().catch(() => undefined);
      call.output.error(state ? nameTask(error, taskId, state) : error);
    }
    return exitCodes.taskFailed;
  }
}

/** What it has asked and nobody has answered. */
export function questions(call: Call): Promise<ExitCode> {
  const taskId = call.word(1, "the TASK");
  call.atMost(2);
  return withBus(call, async (bus) => {
    const open = await bus.plans.questions(taskId);
    if (call.output.json) for (const each of open) call.output.object(each);
    else if (open.length === 0)
      call.output.note(`Plan ${taskId} waits for nobody's answer.`);
    else call.output.rows(questionRows(taskId, open));
    return exitCodes.done;
  });
}

export function answer(call: Call): Promise<ExitCode> {
  const taskId = call.word(1, "the TASK");
  const step = call.word(2, "the STEP");
  const said = call.word(3, "yes or no");
  call.atMost(4);
  if (said !== "yes" && said !== "no")
    throw wrongUsage(`"${said}" is no answer: say yes or no`);
  const answered = { approved: said === "yes", ...wordsOf(call) };
  return withBus(call, async (bus) => {
    await bus.plans.answer(taskId, step, answered);
    call.output.result({ taskId, step, ...answered }, () => `${step}: ${said}`);
    await hintAtWorkers(call, bus, runner);
    return exitCodes.done;
  });
}

function wordsOf(call: Call): { by: string; comment?: string } {
  const comment = call.text("comment");
  return {
    by: call.text("by") ?? userInfo().username,
    ...(comment === undefined ? {} : { comment }),
  };
}

function optionsOf(call: Call): RunPlanOptions {
  const input = call.text("input");
  const id = call.text("id");
  return {
    ...(input === undefined ? {} : { input: toJson(input, "--input") }),
    ...(id === undefined ? {} : { id }),
    params: Object.fromEntries(call.given("param").map(toParam)),
  };
}

function toParam(text: string): [string, unknown] {
  const [, name, value = ""] = /^([^=]+)=([\s\S]*)$/.exec(text) ?? [];
  if (name === undefined)
    throw wrongUsage(`--param "${text}" is none: write it such as tone=lively`);
  try {
    return [name, JSON.parse(value)];
  } catch {
    return [name, value];
  }
}

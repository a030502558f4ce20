// troupe tasks: what waits, what is under way, what has ended.
import { formatMs } from "../protocol/duration.js";
import { taskUnknown } from "../protocol/errors.js";
import { dateOf, timeOf } from "./event-line.js";
import { cancel, cancelOptions } from "./task-cancel.js";
import { exitCodes, type ExitCode } from "./exit.js";
import { runForm } from "./forms.js";
import { nothing, withBus } from "./session.js";
import { shorten } from "./table.js";
import {
  filters,
  listingOptions,
  listTasks,
  queryOf,
  type ListedTask,
} from "./task-listing.js";
import { showTask, stateText } from "./task-page.js";
import type { Call, Verb } from "./verb.js";
import { waitText } from "./wait-text.js";
import type { QueriedTask } from "../orchestrator/queries/query.js";
import type { Bus } from "../troupe.js";

const forms = { ls, show, cancel };

export const tasks: Verb = {
  summary: "Lists tasks, shows one with all its events, cancels one.",
  usage: [
    "troupe tasks ls [--agent NAME] [--state STATE] [--error TEXT] [--limit N] …",
    "troupe tasks show ID",
    "troupe tasks cancel ID [--reason TEXT] [--no-undo]",
  ],
  options: {
    ...listingOptions,
    ...cancelOptions,
  },
  example: "troupe tasks ls --agent writer",
  run: (call) => runForm("tasks", forms, call),
};

function ls(call: Call): Promise<ExitCode> {
  call.atMost(1);
  const query = queryOf(call);
  const withTook = query.order === "slowest";
  const took = withTook ? ["TOOK"] : [];
  const head = ["TASK", "STATE", "SKILL", "LEVEL", "ATTEMPTS", "AT", ...took];
  return withBus(call, async (bus) => {
    const { tasks: found, cursor } = await listTasks(bus, query);
    const toRow = (task: ListedTask) => rowOf(call, task, withTook);
    const none = nothing("tasks", bus, filters(query));
    call.output.list(found, [...head, ""], toRow, none);
    await tellStuck(call, bus);
    if (cursor === undefined) return exitCodes.done;
    if (call.output.json) call.output.object({ cursor });
    else call.output.note(`There are more: the same with --cursor ${cursor}`);
    return exitCodes.done;
  });
}

/** They stand nowhere, so that no list has them. */
async function tellStuck(call: Call, bus: Bus): Promise<void> {
  const { output } = call;
  for (const task of await bus.stuckTasks(call.text("agent"))) {
    if (output.json) output.object({ ...task, stuck: true });
    else
      output.note(
        `Stuck: ${task.taskId} of ${task.agent}, since ${task.writtenAt}. Somebody has removed its message; submit it anew`,
      );
  }
}

function show(call: Call): Promise<ExitCode> {
  const id = call.word(1, "the task's ID");
  call.atMost(2);
  return withBus(call, async (bus) => {
    const task = await bus.find(id);
    if (!task) throw taskUnknown(id);
    await showTask(call, bus, task);
    return exitCodes.done;
  });
}

function rowOf(call: Call, task: ListedTask, withTook: boolean): string[] {
  const { taskId, state, agent, skill, level, key, attempts, at } = task;
  return [
    taskId,
    stateText(state, call.output),
    `${agent}.${skill}`,
    level ?? (key === undefined ? "" : `key ${shorten(key, 16)}`),
    String(attempts),
    dateOf(at),
    ...(withTook ? [tookText(task)] : []),
    noteOn(task),
  ];
}

/** The log says nothing of what took less than a millisecond, nor where no attempt ran. */
function tookText(task: ListedTask): string {
  const { state, tookMs } = task as ListedTask & Partial<QueriedTask>;
  if (tookMs !== undefined) return formatMs(tookMs);
  return state === "completed" ? "<1ms" : "";
}

function noteOn({ dueAt, waitsFor, error }: ListedTask): string {
  if (waitsFor !== undefined) return shorten(waitText({ waitsFor, dueAt }), 60);
  if (dueAt !== undefined) return `due ${timeOf(dueAt)}`;
  return error === undefined
    ? ""
    : shorten(`${error.code}: ${error.message}`, 60);
}

// troupe journal: what the handlers of tasks have done durably.
import { existsSync } from "node:fs";
import type { ForkOptions } from "../bus/journal/fork.js";
import { toJournalFile, toTaskJournal } from "../protocol/journal-file.js";
import { toTagged } from "../protocol/tagged-json.js";
import { isTerminal } from "../protocol/task.js";
import type { TaskJournal } from "../protocol/task-journal.js";
import { checkJournal } from "../workers/check/check.js";
import type { Agent } from "../workers/agent.js";
import type { Bus } from "../troupe.js";
import { arrivedFor, arrivedText } from "./came-text.js";
import { exitCodes, wrongUsage, type ExitCode } from "./exit.js";
import { runForm } from "./forms.js";
import { journalHead, journalRows } from "./journal-text.js";
import { agentsOf } from "./modules.js";
import { inFull, tellResult } from "./result.js";
import { withBus } from "./session.js";
import { resultUnlessStopped } from "./stoppable-result.js";
import { alignColumns } from "./table.js";
import { textIn, toDuration, toJson } from "./values.js";
import type { Call, Verb } from "./verb.js";
import { idText } from "./waiting.js";
import { waitText } from "./wait-text.js";
import { hintAtWorkersOf } from "./worker-hint.js";

const forms = { show, fork, check, export: exportFile };

export const journal: Verb = {
  summary:
    "Shows what the handler of a task has done durably; forks, exports and checks it.",
  usage: [
    "troupe journal show ID [--agent NAME]",
    "troupe journal fork ID --before STEP [--input JSON] [--id ID] [--wait]",
    "troupe journal export ID > FILE.json",
    "troupe journal check ID|FILE.json MODULE",
  ],
  options: {
    before: {
      type: "string",
      value: "STEP",
      help: "fork: the first operation to be done anew, by its name or place",
    },
    input: {
      type: "string",
      value: "JSON",
      help: "fork: other than the old task's (- reads standard input)",
    },
    id: {
      type: "string",
      value: "ID",
      help: "fork: of the new task; made twice it is one fork",
    },
    force: {
      type: "boolean",
      help: "fork: also where steps before that were undone",
    },
    wait: {
      type: "boolean",
      help: "fork: wait for the result and print it; exits 1 at once where the handler does not fit",
    },
    timeout: {
      type: "string",
      value: "1m",
      help: "how long --wait waits (default 1m); check: for what is no operation of the task (default 5s)",
    },
    agent: {
      type: "string",
      value: "NAME",
      help: "whose task it is, where two agents have one of this ID",
    },
  },
  example: "troupe journal show 01JQXTZ5Y0",
  run: (call) => runForm("journal", forms, call, ""),
};

function show(call: Call): Promise<ExitCode> {
  const id = call.word(1, "the task's ID");
  call.atMost(2);
  return withBus(call, async (bus) => {
    const found = await bus.journal(id, whose(call));
    if (call.output.json) printLines(call, found);
    else print(call, found, await waitOf(bus, found));
    return exitCodes.done;
  });
}

function fork(call: Call): Promise<ExitCode> {
  const id = call.word(1, "the task's ID");
  call.atMost(2);
  const options = forkOptions(call);
  const timeout = toDuration(call.text("timeout") ?? "1m", "--timeout");
  return withBus(call, async (bus) => {
    const task = await bus.fork(id, options);
    const { id: taskId, agent, duplicate } = task;
    if (agent !== undefined) await hintAtWorkersOf(call, bus, agent);
    if (!call.flag("wait")) {
      call.output.result({ taskId, agent, duplicate }, () => idText(task));
      return exitCodes.done;
    }
    const result = () => resultUnlessStopped(bus, task, timeout);
    return tellResult(call, task, result, { taskId, agent });
  });
}

function forkOptions(call: Call): ForkOptions {
  const before = call.text("before");
  if (before === undefined)
    throw wrongUsage(
      "--before is missing: name the operation that is the first to be done anew, or its place",
    );
  const [input, id] = [call.text("input"), call.text("id")];
  return {
    before: /^\d+$/.test(before) ? Number(before) : before,
    ...(input === undefined ? {} : { input: toJson(input, "--input") }),
    ...(id === undefined ? {} : { id }),
    ...whose(call),
    force: call.flag("force"),
  };
}

function exportFile(call: Call): Promise<ExitCode> {
  const id = call.word(1, "the task's ID");
  call.atMost(2);
  return withBus(call, async (bus) => {
    const file = toJournalFile(await bus.journal(id, whose(call)));
    call.output.result(file, () => inFull(file));
    return exitCodes.done;
  });
}

async function check(call: Call): Promise<ExitCode> {
  const what = call.word(1, "the task's ID, or the FILE of a journal");
  const module = call.word(2, "the MODULE with its agent");
  call.atMost(3);
  const timeout = toDuration(call.text("timeout") ?? "5s", "--timeout");
  const agents = await agentsOf([module]);
  if (/[/\\]|\.json$/.test(what) && !existsSync(what))
    throw wrongUsage(`there is no file "${what}"`);
  const recorded = existsSync(what)
    ? toTaskJournal(textIn(what))
    : await withBus(call, (bus) => bus.journal(what, whose(call)));
  const agent = agentNamed(agents, recorded.agent, module);
  const result = await checkJournal(agent, recorded, { timeout });
  call.output.result(result, () => result.message);
  return result.fits ? exitCodes.done : exitCodes.taskFailed;
}

function agentNamed(agents: Agent[], name: string, module: string): Agent {
  const agent = agents.find((each) => each.name === name);
  if (agent) return agent;
  const names = agents.map((each) => each.name).join('", "');
  throw wrongUsage(
    `the journal is of agent "${name}", and "${module}" exports "${names}"`,
  );
}

function whose(call: Call): { agent?: string } {
  const agent = call.text("agent");
  return agent === undefined ? {} : { agent };
}

function printLines(call: Call, { entries, signals }: TaskJournal): void {
  const line = (at: Date, moments: object, said: object) =>
    call.output.object({ at, ...(toTagged(said) as object), ...moments });
  for (const { at, ...entry } of entries)
    line(new Date(at), momentsOf(entry), entry);
  for (const { at, ...signal } of signals)
    line(at, {}, { kind: "came", ...signal });
}

/** `, waits for …`, or what of that has come and nobody has taken up; "" for one that waits for nothing. */
async function waitOf(bus: Bus, found: TaskJournal): Promise<string> {
  const { taskId, agent, state, waitsFor, dueAt } = found;
  if (state === undefined || isTerminal(state)) return "";
  const task = await bus.find(taskId);
  const arrived =
    task?.agent === agent ? await arrivedFor(bus, task, found) : undefined;
  if (arrived) return `, ${arrivedText(arrived)}`;
  return waitsFor === undefined ? "" : `, ${waitText({ waitsFor, dueAt })}`;
}

/** They stand there in milliseconds, as `at` does. */
function momentsOf(entry: object): { until?: Date; retryAt?: Date } {
  const { until, retryAt } = entry as { until?: number; retryAt?: number };
  return {
    ...(until === undefined ? {} : { until: new Date(until) }),
    ...(retryAt === undefined ? {} : { retryAt: new Date(retryAt) }),
  };
}

function print(call: Call, found: TaskJournal, wait: string): void {
  const { output } = call;
  const { taskId, agent, skill, state } = found;
  const whose = skill === "" ? agent : `${agent}.${skill}`;
  output.line(
    `${output.paint("bold", taskId)}  ${whose}  ${state ?? "has aged out"}${wait}`,
  );
  const rows = journalRows(found, output);
  if (rows.length === 0)
    return output.note(
      "Its handler has done nothing durable, and no signal came.",
    );
  const head = journalHead.map((cell) => output.paint("dim", cell));
  for (const line of alignColumns([head, ...rows])) output.line(line);
}

// troupe dead: tasks that nobody could finish.
import type { DeadLetter } from "../bus/tasks/dead-letters.js";
import type { RedriveOptions } from "../bus/tasks/redrive.js";
import { TroupeError } from "../protocol/errors.js";
import type { Bus } from "../troupe.js";
import { commandLine } from "./command-line.js";
import {
  nextStep,
  orderedIn,
  orderedText,
  undoRows,
  type UndoOrdered,
} from "./dead-undo.js";
import { orderOf, orderUndo, undoOptions } from "./dead-undo-order.js";
import { dateOf } from "./times.js";
import { inputRows } from "./input-text.js";
import { exitCodes, wrongUsage, type ExitCode } from "./exit.js";
import { runForm } from "./forms.js";
import type { Fact, Output } from "./output.js";
import { nothing, withBus } from "./session.js";
import { shorten } from "./table.js";
import { toJson, toLevel } from "./values.js";
import type { Call, Verb } from "./verb.js";

const forms = { ls, show, redrive, undo, purge };

export const dead: Verb = {
  summary: "Dead letters: tasks that nobody could finish, with why.",
  usage: [
    "troupe dead ls [--agent NAME]",
    "troupe dead show ID",
    "troupe dead redrive ID [--input JSON] [--priority LEVEL] [--lane LANE] [--force]",
    "troupe dead undo ID --retry | --skip STEP | --resolve [--note TEXT] [--lane LANE] [--wait]",
    "troupe dead purge ID",
    "troupe dead redrive|purge --agent NAME | --all",
  ],
  options: {
    agent: { type: "string", value: "NAME", help: "all of this agent's" },
    all: { type: "boolean", help: "redrive, purge: all there are" },
    input: {
      type: "string",
      value: "JSON",
      help: "redrive: instead of the input that it died of",
    },
    priority: { type: "string", value: "LEVEL", help: "redrive: its level" },
    lane: {
      type: "string",
      value: "LANE",
      help: "redrive, undo: to this one (default the one that it came from)",
    },
    force: {
      type: "boolean",
      help: "redrive: also where something of it could not be undone",
    },
    ...undoOptions,
  },
  example: `troupe dead redrive 01K0ABC --input '{"city":"Oslo"}'`,
  run: (call) => runForm("dead", forms, call),
};

function ls(call: Call): Promise<ExitCode> {
  call.atMost(1);
  const agent = call.text("agent");
  const head = ["TASK", "SKILL", "ATTEMPTS", "DIED", "WHY"];
  return withBus(call, async (bus) => {
    const letters: DeadLetter[] = [];
    for await (const letter of bus.deadLetters(
      agent === undefined ? {} : { agent },
    ))
      letters.push(letter);
    if (call.output.json)
      for (const letter of letters) call.output.object(toFacts(letter));
    else {
      const none = nothing("dead letters", bus, agent !== undefined);
      call.output.list(letters, head, rowOf, none);
    }
    return exitCodes.done;
  });
}

function show(call: Call): Promise<ExitCode> {
  const id = call.word(1, "the task's ID");
  call.atMost(2);
  return withBus(call, async (bus) => {
    const letter = await letterOf(bus, id);
    const undoing = await letter.undoing();
    const ordered = undoing && (await orderedFor(bus, letter));
    if (call.output.json)
      call.output.object({
        ...toFacts(letter),
        ...(undoing && { undoing }),
        ...(ordered && { ordered }),
      });
    else {
      const stands = undoing ? undoRows(undoing) : [];
      call.output.facts([
        ...factsOf(letter, call.output),
        ...stands,
        ["ordered", ordered && (await orderedText(bus, letter.agent, ordered))],
      ]);
      call.output.line();
      call.output.rows(historyRows(letter));
      if (letter.history.length > 0) call.output.line();
      call.output.line(nextStep(letter, undoing, ordered));
    }
    return exitCodes.done;
  });
}

async function orderedFor(
  bus: Bus,
  { taskId, agent }: DeadLetter,
): Promise<UndoOrdered | undefined> {
  return orderedIn((await bus.journal(taskId, { agent })).entries);
}

function redrive(call: Call): Promise<ExitCode> {
  const options = redriveOptions(call);
  const isAlone = call.words.length > 1;
  return eachChosen(call, async (letter) => {
    const { taskId } = letter;
    const newTaskId = await letter
      .redrive(options)
      .catch((error: TroupeError) => {
        // Of many, one that a person has to decide about holds up no other.
        if (isAlone || error.code !== "ARGUMENT_INVALID") throw error;
        call.output.note(error.message);
      });
    if (newTaskId === undefined) return;
    call.output.result(
      { taskId, newTaskId },
      () => `${taskId}  →  ${newTaskId}`,
    );
  });
}

function undo(call: Call): Promise<ExitCode> {
  const id = call.word(1, "the task's ID");
  call.atMost(2);
  const order = orderOf(call);
  return withBus(call, async (bus) => {
    const letter = await letterOf(bus, id);
    return orderUndo(call, bus, letter, order);
  });
}

function purge(call: Call): Promise<ExitCode> {
  return eachChosen(call, async (letter) => {
    const { taskId } = letter;
    await letter.purge();
    call.output.result({ taskId, purged: true }, () => `purged ${taskId}`);
  });
}

/** One by its id, an agent's, or all: whoever means all must say so. */
function eachChosen(
  call: Call,
  work: (letter: DeadLetter) => Promise<void>,
): Promise<ExitCode> {
  call.atMost(2);
  const id = call.words[1];
  const agent = call.text("agent");
  const several = agent !== undefined || call.flag("all");
  if (several === (id !== undefined))
    throw wrongUsage("say which: an ID, or --agent NAME, or --all");
  return withBus(call, async (bus) => {
    if (id !== undefined) await work(await letterOf(bus, id));
    else await eachLetter(call, bus, agent, work);
    return exitCodes.done;
  });
}

async function eachLetter(
  call: Call,
  bus: Bus,
  agent: string | undefined,
  work: (letter: DeadLetter) => Promise<void>,
): Promise<void> {
  const own = new Set<string>();
  const filter = agent === undefined ? {} : { agent };
  for await (const letter of bus.deadLetters(filter)) {
    // What was redriven may have died again meanwhile: it is left for the next time, or there were no end.
    if (own.has(letter.taskId)) break;
    own.add(letter.redriveId);
    await work(letter);
  }
  if (own.size === 0) call.output.note("No dead letters.");
}

function redriveOptions(call: Call): RedriveOptions {
  const input = call.text("input");
  const priority = call.text("priority");
  const lane = call.text("lane");
  return {
    ...(lane === undefined ? {} : { lane }),
    ...(input === undefined ? {} : { input: toJson(input, "--input") }),
    ...(priority === undefined ? {} : { priority: toLevel(priority) }),
    force: call.flag("force"),
  };
}

async function letterOf(bus: Bus, task: string): Promise<DeadLetter> {
  for await (const letter of bus.deadLetters({ task })) return letter;
  throw new TroupeError(
    "TASK_UNKNOWN",
    `there is no dead letter of task "${task}": see "${commandLine`dead ls`}", or it has been undone, redriven or purged`,
  );
}

const rowOf = (letter: DeadLetter): string[] => [
  letter.taskId,
  `${letter.agent}.${letter.skill}`,
  String(letter.attempts),
  dateOf(letter.at),
  shorten(`${letter.code}: ${letter.error}`, 80),
];

/** What a letter says, for programs. */
function toFacts(letter: DeadLetter) {
  const { taskId, agent, skill, code, error, attempts, at, input } = letter;
  const { history } = letter;
  return { taskId, agent, skill, code, error, attempts, at, input, history };
}

function factsOf(letter: DeadLetter, output: Output): Fact[] {
  const given = inputRows(letter);
  return [
    ["task", letter.taskId],
    ["skill", `${letter.agent}.${letter.skill}`],
    ["died", dateOf(letter.at)],
    ["why", output.paint("red", `${letter.code}: ${letter.error}`)],
    ["attempts", String(letter.attempts)],
    ...(given.length === 0 ? [["input", "(unreadable)"] as const] : given),
  ];
}

const historyRows = (letter: DeadLetter): string[][] =>
  letter.history.map(({ at, kind, attempt = "", error = "" }) => [
    at === undefined ? "" : dateOf(new Date(at)),
    kind,
    `attempt ${attempt}`,
    shorten(error, 80),
  ]);

// troupe journal: what the handlers of tasks have done durably.
import type { TaskJournal } from "../bus/journal/task-journal.js";
import { exitCodes, wrongUsage, type ExitCode } from "./exit.js";
import { journalHead, journalRows } from "./journal-text.js";
import { unknownWord } from "./nearest.js";
import { withBus } from "./session.js";
import { alignColumns } from "./table.js";
import type { Call, Verb } from "./verb.js";
import { waitText } from "./wait-text.js";

const forms = { show } as const;

export const journal: Verb = {
  summary: "Shows what the handler of a task has done durably, step by step.",
  usage: ["troupe journal show ID [--agent NAME]"],
  options: {
    agent: {
      type: "string",
      value: "NAME",
      help: "whose task it is, where two agents have one of this ID",
    },
  },
  example: "troupe journal show 01JQXTZ5Y0",
  run(call) {
    const word = call.words[0] ?? "";
    if (!Object.hasOwn(forms, word))
      throw wrongUsage(
        unknownWord("form of journal", word, Object.keys(forms)),
      );
    return forms[word as keyof typeof forms](call);
  },
};

function show(call: Call): Promise<ExitCode> {
  const id = call.word(1, "the task's ID");
  call.atMost(2);
  const agent = call.text("agent");
  return withBus(call, async (bus) => {
    const found = await bus.journal(id, agent === undefined ? {} : { agent });
    if (call.output.json) printLines(call, found);
    else print(call, found);
    return exitCodes.done;
  });
}

function printLines(call: Call, { entries, signals }: TaskJournal): void {
  for (const { at, ...entry } of entries)
    call.output.object({ at: new Date(at), ...entry });
  for (const { at, ...signal } of signals)
    call.output.object({ at, kind: "signal", ...signal });
}

function print(call: Call, found: TaskJournal): void {
  const { output } = call;
  const { taskId, agent, skill, state, waitsFor, dueAt } = found;
  const whose = skill === "" ? agent : `${agent}.${skill}`;
  const wait =
    waitsFor === undefined ? "" : `, ${waitText({ waitsFor, dueAt })}`;
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

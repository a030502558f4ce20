// What a plan asks of people: under which names it may, and what its journal says that nobody has answered yet. An
// approval is a step of the journal that holds the question, and then a wait for a signal of the same name.
import { z } from "zod";
import { isCompletion, type JournalEntry } from "../journal.js";
import { nearest } from "../nearest.js";
import type { TaskJournal } from "../task-journal.js";
import { isObject, outlineOf, roundsAround, type StepNode } from "./outline.js";

/** What a person answers. */
export const planAnswer = z.object({
  approved: z.boolean(),
  by: z.string().optional(),
  comment: z.string().optional(),
});

export type PlanAnswer = z.infer<typeof planAnswer>;

export interface PlanQuestion {
  /** What is answered: the name of the step, in the third round of a map "name[2]". */
  step: string;
  question: string;
  /** What the plan shows beside it. */
  show?: unknown;
  /** Nobody is waited for any longer then. */
  until?: Date;
}

/** What the plan with this journal has asked and nobody has answered, oldest first: an answer need not be taken up yet. */
export function openQuestions(journal: Said): PlanQuestion[] {
  return askedIn(journal.entries).filter(
    ({ step }) => !answerTo(journal, step),
  );
}

type Said = Pick<TaskJournal, "entries" | "signals">;

/** The first counts, but for what another wait for this name has taken: plans that began earlier may have one. */
export function answerTo(
  { entries, signals }: Said,
  step: string,
): PlanAnswer | undefined {
  const own = ownWait(entries, step);
  const taken = entries.flatMap((entry) =>
    isTaking(entry, step) && entry.op !== own ? [entry.id] : [],
  );
  for (const { name, id, value } of signals) {
    if (name !== step || taken.includes(id)) continue;
    const parsed = planAnswer.safeParse(value);
    if (parsed.success) return parsed.data;
  }
  return undefined;
}

/** That of the approval for its answer: it begins after its question is on the journal. */
function ownWait(
  entries: readonly JournalEntry[],
  step: string,
): number | undefined {
  const asked = entries.findIndex(
    (entry) => isQuestion(entry) && entry.name === step,
  );
  const isOwn = (entry: JournalEntry) =>
    entry.kind === "begun" && entry.type === "signal" && entry.name === step;
  const own = asked < 0 ? undefined : entries.slice(asked).find(isOwn);
  return own && "op" in own ? own.op : undefined;
}

const isTaking = (
  entry: JournalEntry,
  step: string,
): entry is Extract<JournalEntry, { kind: "done" | "failed" | "refused" }> =>
  (entry.kind === "refused" || isCompletion(entry)) &&
  entry.type === "signal" &&
  entry.name === step;

function askedIn(entries: readonly JournalEntry[]): PlanQuestion[] {
  const open = new Map<string, PlanQuestion>();
  for (const entry of entries) {
    if (entry.kind === "undoing") open.clear();
    if (!("name" in entry) || !("op" in entry)) continue;
    const { name: step } = entry;
    if (entry.type === "signal" && isCompletion(entry)) open.delete(step);
    else if (entry.type === "signal" && entry.kind === "begun") {
      const asked = open.get(step);
      if (asked && entry.until !== undefined)
        asked.until = new Date(entry.until);
    } else if (isQuestion(entry))
      open.set(step, { step, ...(entry.value as object) } as PlanQuestion);
  }
  return [...open.values()];
}

/** The first step of a plan's journal is the preparing of it. */
const isQuestion = (
  entry: JournalEntry,
): entry is Extract<JournalEntry, { kind: "done" }> =>
  entry.kind === "done" &&
  entry.type === "step" &&
  entry.op > 0 &&
  isObject(entry.value) &&
  typeof entry.value["question"] === "string";

/** What the plan with this journal has got an answer to, or has given up to wait for. */
export function isOver(entries: readonly JournalEntry[], step: string) {
  const own = ownWait(entries, step);
  return entries.some((entry) => isCompletion(entry) && entry.op === own);
}

/** Why the plan asks nothing of this name, and what it asks; undefined where it may. */
export function askProblem(
  plan: Record<string, unknown>,
  step: string,
  open: readonly PlanQuestion[],
): string | undefined {
  const asking = asked(plan, "approve");
  if (asking.some(({ fits }) => fits.test(step))) return undefined;
  const name = step.replaceAll(/\[\d+\]/g, "");
  const same = asking.find((each) => each.name === name);
  if (same) return `it asks ${same.text}`;
  if (asked(plan, "signal").some(({ fits }) => fits.test(step)))
    return "that is a signal that it waits for: send it with bus.signal, or npx troupe signal";
  if (asking.length === 0) return "it asks nobody anything";
  const names = open.map((each) => each.step);
  const near = nearest(step, names) ?? nearest(name, namesOf(asking));
  if (near !== undefined) return `did you mean "${near}"?`;
  if (names.length > 0) return `it waits for ${quoted(names)}`;
  return `it asks ${asking.map(({ text }) => text).join(", ")}`;
}

interface Asking {
  name: string;
  /** The names under which it is asked. */
  fits: RegExp;
  text: string;
}

function asked(
  plan: Record<string, unknown>,
  what: "approve" | "signal",
): Asking[] {
  return outlineOf(plan).nodes.flatMap((node) => {
    const name = nameOf(node, what);
    if (typeof name !== "string") return [];
    const rounds = roundsAround(node);
    const literal = name.replaceAll(/[^\w-]/g, String.raw`\$&`);
    const fits = new RegExp(
      `^${literal}${String.raw`\[(?:0|[1-9]\d*)\]`.repeat(rounds)}$`,
    );
    const text = `"${name}${"[0]".repeat(rounds)}"${rounds === 0 ? "" : " and so on, in each round of the map by itself"}`;
    return [{ name, fits, text }];
  });
}

function nameOf({ raw, kind, name }: StepNode, what: "approve" | "signal") {
  if (what === "approve") return kind === "approve" ? name : undefined;
  const wait = isObject(raw) ? raw["wait"] : undefined;
  return isObject(wait) ? wait["signal"] : undefined;
}

const namesOf = (asking: readonly Asking[]) => asking.map(({ name }) => name);
const quoted = (names: readonly string[]) => `"${names.join('", "')}"`;

// An entry of a journal for people.
import {
  isCompletion,
  type Completion,
  type JournalEntry,
} from "../protocol/journal.js";
import { fromRpcError } from "../protocol/rpc.js";
import type { JournalSignal } from "../protocol/task-journal.js";
import { dateOf, timeOf } from "./event-line.js";
import type { Colour } from "./output.js";
import { shorten } from "./table.js";

const longestValue = 60;

type Of<Kind extends JournalEntry["kind"]> = Extract<
  JournalEntry,
  { kind: Kind }
>;

type OfOperation = Of<"begun" | "attempt" | "done" | "failed" | "refused">;

/** What a row says, beside its time. */
export interface Said {
  place?: number;
  kind: string;
  name?: string | undefined;
  how?: [Colour, string];
  attempt?: number | undefined;
  tookMs?: number | undefined;
  what?: string;
}

/** What other entries say of the operations. */
export class Known {
  readonly #begun = new Map<number, Of<"begun">>();
  readonly #completed = new Map<number, Completion>();

  constructor(entries: readonly JournalEntry[]) {
    for (const entry of entries) {
      if (entry.kind === "begun") this.#begun.set(entry.op, entry);
      else if (isCompletion(entry)) this.#completed.set(entry.op, entry);
    }
  }

  /** The row of its completion says it all. */
  isToldLater(entry: JournalEntry): boolean {
    return entry.kind === "begun" && this.#completed.has(entry.op);
  }

  effort(entry: Completion): Pick<Said, "attempt" | "tookMs"> {
    const begun = this.#begun.get(entry.op);
    const isTried = entry.type === "step" || entry.attempt !== undefined;
    return {
      attempt: isTried ? (entry.attempt ?? 1) : undefined,
      tookMs: entry.tookMs ?? (begun && Math.max(0, entry.at - begun.at)),
    };
  }

  undoOf(op: number): Said {
    return { place: op, kind: "undo", name: this.#completed.get(op)?.name };
  }
}

type Tellers = {
  [Kind in JournalEntry["kind"]]: (entry: Of<Kind>, known: Known) => Said;
};

const tellers: Tellers = {
  begun: (entry) => ({
    ...operation(entry),
    how: ["blue", "begun"],
    what: begunText(entry),
  }),
  attempt: (entry) => ({
    ...operation(entry),
    how: ["yellow", "failed"],
    attempt: entry.attempt,
    what: `${errorText(entry.error)}${againText(entry.retryAt)}`,
  }),
  done: (entry, known) => ({
    ...operation(entry),
    how: ["green", "done"],
    ...known.effort(entry),
    what: doneText(entry),
  }),
  failed: (entry, known) => ({
    ...operation(entry),
    how: ["red", "failed"],
    ...known.effort(entry),
    what: `${inputText(entry)}${errorText(entry.error)}`,
  }),
  refused: (entry) => ({
    ...operation(entry),
    how: ["yellow", "refused"],
    what: `signal ${entry.id} does not fit: ${errorText(entry.error)}`,
  }),
  patched: ({ name }) => ({
    kind: "patched",
    name,
    what: "it goes the way of this change",
  }),
  undoing: ({ state, error }) => ({
    kind: "undo",
    how: ["magenta", state],
    what: `what it did is undone: ${errorText(error)}`,
  }),
  undone: ({ op }, known) => ({
    ...known.undoOf(op),
    how: ["green", "undone"],
  }),
  "undo-failed": ({ op, attempt, error, retryAt }, known) => ({
    ...known.undoOf(op),
    how: ["red", "failed"],
    attempt,
    what: `${errorText(error)}${againText(retryAt)}`,
  }),
  "undo-skipped": (entry, known) => ({
    ...known.undoOf(entry.op),
    how: ["yellow", "skipped"],
    what: decidedText(entry),
  }),
  "undo-retry": (entry) => ({
    kind: "undo",
    how: ["yellow", "again"],
    what: decidedText(entry),
  }),
  "undo-resolved": (entry) => ({
    kind: "undo",
    how: ["yellow", "resolved"],
    what: decidedText(entry),
  }),
  "undo-declined": (entry) => ({
    kind: "undo",
    how: ["yellow", "declined"],
    what: decidedText(entry),
  }),
  held: () => ({
    kind: "held",
    what: "its worker had been held up, and goes on",
  }),
  canceled: ({ error }) => ({
    kind: "ended",
    what: `before it had done anything${error ? `: ${error.message}` : ""}`,
  }),
  mismatch: ({ version, expected, found }) => ({
    kind: "mismatch",
    how: ["red", "waits"],
    what: `version ${version} does not fit: expected ${expected}, found ${found}`,
  }),
  continued: ({ run, input }) => ({
    kind: "continued",
    what: `run ${run} begins with ${valueText(input)}`,
  }),
  forked: ({ agent, taskId, place }) => ({
    kind: "forked",
    what: `from task ${taskId} of ${agent}: what stands before place ${place} was done there`,
  }),
};

export function saidOf<Kind extends JournalEntry["kind"]>(
  entry: Of<Kind>,
  known: Known,
): Said {
  return tellers[entry.kind](entry, known);
}

function decidedText({
  by,
  note,
}: {
  by?: string | undefined;
  note?: string | undefined;
}): string {
  return [by && `by ${by}`, note].filter(Boolean).join(": ");
}

function againText(retryAt: number | undefined): string {
  if (retryAt === undefined) return "; it was the last attempt";
  return `; again at ${timeOf(new Date(retryAt))}`;
}

function operation({ op, type, name }: OfOperation): Said {
  return { place: op, kind: type, name: name === type ? "" : name };
}

function begunText({ until, agent, skill }: Of<"begun">): string {
  if (until !== undefined) return `until ${dateOf(new Date(until))}`;
  return agent === undefined ? "" : `asked of ${agent}.${skill}`;
}

function doneText(entry: Of<"done">): string {
  const { type, value, id } = entry;
  if (type === "sleep") return "";
  if (type === "now")
    return typeof value === "number" ? dateOf(new Date(value)) : "";
  const told = `${inputText(entry)}${valueText(value)}`;
  if (type === "signal") return `${told} (signal ${id})`;
  return id === undefined ? told : `${told} (task ${id})`;
}

function inputText({ input }: Of<"done"> | Of<"failed">): string {
  return input === undefined ? "" : `${valueText(input)} → `;
}

function errorText(error: Of<"failed">["error"]): string {
  const { code, message } = fromRpcError(error);
  return shorten(`${code}: ${message}`, 2 * longestValue);
}

/** As JSON, cut; bytes by their number. */
function valueText(value: unknown): string {
  return shorten(
    JSON.stringify(value, countingBytes) ?? "nothing",
    longestValue,
  );
}

/** A Buffer makes itself an array of numbers before it is asked about. */
function countingBytes(this: unknown, key: string, value: unknown): unknown {
  const given = (this as Record<string, unknown>)[key];
  return given instanceof Uint8Array ? `${given.length} bytes` : value;
}

export function saidOfSignal({ name, id, value }: JournalSignal): Said {
  return {
    kind: "came",
    name,
    how: ["cyan", "signal"],
    what: `${valueText(value)} (signal ${id})`,
  };
}

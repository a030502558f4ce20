// What the view keeps of one event of a task: enough to find and count it by. Inputs and outputs stay on the
// log, where `sequence` finds them again.
import type { LogEntry } from "../../bus/history/log-feed.js";
import { decodeBody } from "../../protocol/codec.js";
import { TroupeError } from "../../protocol/errors.js";
import { isLevel, defaultLevel, type Level } from "../../protocol/levels.js";
import { requestOf } from "../../protocol/mcp.js";
import { defaultLane } from "../../protocol/subjects.js";
import {
  stateOfType,
  type StoredKind,
  type TerminalState,
} from "../../protocol/task.js";
import { isStatusKind } from "../../protocol/task-events.js";
import { decodeToken } from "../../protocol/tokens.js";

type FactKind = Exclude<StoredKind, "end"> | TerminalState;

export interface Fact {
  /** Agent and task as their tokens in the subject: two agents may each have a task of one id. */
  readonly key: string;
  readonly agent: string;
  readonly kind: FactKind;
  readonly sequence: number;
  readonly at: number;
  readonly skill: string;
  readonly lane: string;
  readonly level: Level;
  readonly attempt: number;
  readonly tookMs: number;
  readonly context: string | undefined;
  readonly instance: string | undefined;
  readonly code: string | undefined;
  /** No more than the beginning. */
  readonly error: string | undefined;
  readonly retryAt: number | undefined;
}

const longestError = 256;

export function taskIdOf({ key }: Fact): string {
  return decodeToken(key.slice(key.indexOf(".") + 1));
}

/** Undefined for an event that is none of a task's. Throws MESSAGE_UNREADABLE. */
export function factOf(entry: LogEntry, prefix: string): Fact | undefined {
  const { subject, headers, sequence, at } = entry;
  if (!subject.startsWith(prefix)) return undefined;
  const afterAgent = subject.indexOf(".", prefix.length);
  const afterTask = subject.indexOf(".", afterAgent + 1);
  const afterKind = subject.indexOf(".", afterTask + 1);
  const stored = subject.slice(afterTask + 1, afterKind);
  const said = readBody(entry, stored);
  return {
    key: subject.slice(prefix.length, afterTask),
    agent: shared(decodeToken(subject.slice(prefix.length, afterAgent))),
    kind: said.kind,
    sequence,
    at,
    skill: shared(headers.skill ?? said.skill),
    lane: shared(headers.lane ?? defaultLane),
    level: isLevel(headers.level) ? headers.level : defaultLevel,
    attempt: Number(headers.attempt ?? 1),
    tookMs: Number(headers.took ?? 0),
    context: headers.context,
    instance: headers.sender === undefined ? undefined : shared(headers.sender),
    code: said.code,
    error: said.error === undefined ? undefined : cut(said.error),
    retryAt: said.retryAt,
  };
}

interface Said {
  kind: FactKind;
  skill: string;
  code: string | undefined;
  error: string | undefined;
  retryAt: number | undefined;
}

/** Only as much of the shape of an event as is looked at; see protocol/task-events.ts. */
interface EventBody {
  result?: { _meta?: Record<string, unknown> };
  error?: ErrorBody;
  params?: { error?: ErrorBody; retryAt?: unknown };
}

interface ErrorBody {
  message?: unknown;
  data?: { code?: unknown; request?: unknown };
}

function readBody({ headers, body }: LogEntry, stored: string): Said {
  const message = decodeBody(body, headers.contentType) as EventBody;
  if (stored !== "end") {
    const { error, retryAt } = message.params ?? {};
    return {
      kind: isStatusKind(stored) ? stored : "started",
      skill: "",
      ...errorOf(error),
      retryAt: typeof retryAt === "number" ? retryAt : undefined,
    };
  }
  const { result, error } = message;
  if (!result && !error)
    throw new TroupeError(
      "MESSAGE_UNREADABLE",
      "a terminal event is no JSON-RPC response",
    );
  const request = error
    ? error.data?.request
    : requestOf({ content: [], ...result });
  const { name } = (request ?? {}) as { name?: unknown };
  return {
    kind: stateOfType(headers.type) ?? (error ? "failed" : "completed"),
    skill: typeof name === "string" ? name : "",
    ...errorOf(error),
    retryAt: undefined,
  };
}

function errorOf(error: ErrorBody | undefined): Pick<Said, "code" | "error"> {
  if (!error) return { code: undefined, error: undefined };
  const { message, data } = error;
  return {
    code: typeof data?.code === "string" ? shared(data.code) : undefined,
    error: typeof message === "string" ? message : undefined,
  };
}

/** A slice would keep the whole text alive. */
function cut(text: string): string {
  if (text.length <= longestError) return text;
  return Buffer.from(text.slice(0, longestError)).toString();
}

/** One copy of each of the few names that nearly all events share. */
const names = new Map<string, string>();
const maxNames = 10_000;

function shared(name: string): string {
  const known = names.get(name);
  if (known !== undefined) return known;
  if (names.size >= maxNames) names.clear();
  names.set(name, name);
  return name;
}

// The events of a task on the wire, both ways. A terminal event is the JSON-RPC response to the task's own
// request and carries that request along, so that the events alone are the whole history.
import { z } from "zod";
import { decodeBody, encodeBody } from "./codec.js";
import type { TroupeError } from "./errors.js";
import {
  contentTypeHeader,
  type ContentType,
  type Headers,
} from "./headers.js";
import {
  callToolParams,
  callToolResult,
  progressParams,
  requestOf,
  toCallToolResult,
  type Progress,
} from "./mcp.js";
import { fromRpcError, rpcError, toNotification, toRpcError } from "./rpc.js";
import { parseTaskEventSubject } from "./addresses.js";
import { defaultLevel, isLevel, type Level } from "./levels.js";
import { parseRouteHeader, type Route } from "./route.js";
import { defaultLane } from "./subjects.js";
import { toOutcome } from "./outcome.js";
import { stateOfType, type TaskEvent } from "./task.js";

/** What every event says of its task, beside its subject. */
export interface EventFacts {
  contentType: ContentType;
  attempt: number;
  sender: string;
  context: string | undefined;
  route?: string | undefined;
  traceparent?: string | undefined;
  skill?: string;
  lane?: string;
  level?: Level;
  /** How long its handler ran. */
  tookMs?: number | undefined;
}

export function eventHeaders(
  type: string,
  facts: EventFacts,
  expectedLast?: number,
): Headers {
  return {
    type,
    contentType: contentTypeHeader(facts.contentType),
    attempt: facts.attempt === 1 ? undefined : String(facts.attempt),
    sender: facts.sender,
    context: facts.context,
    route: facts.route,
    lane: facts.lane === defaultLane ? undefined : facts.lane,
    level: facts.level === defaultLevel ? undefined : facts.level,
    took: tookOf(facts),
    traceparent: facts.traceparent,
    expectedLastSubjectSequence:
      expectedLast === undefined ? undefined : String(expectedLast),
  };
}

/** Most events of quick handlers have the same headers as the one before, and are encoded once. */
function tookOf({ tookMs = 0 }: EventFacts): string | undefined {
  return tookMs < 1 ? undefined : String(Math.round(tookMs));
}

export function completedBody(
  taskId: string,
  output: unknown,
  params: unknown,
  contentType: ContentType,
): Uint8Array {
  return encodeBody(
    { jsonrpc: "2.0", id: taskId, result: toCallToolResult(output, params) },
    contentType,
  );
}

export function endedBody(
  taskId: string,
  error: TroupeError,
  params: unknown,
  contentType: ContentType,
): Uint8Array {
  return encodeBody(
    {
      jsonrpc: "2.0",
      id: taskId,
      error: toRpcError(error, { request: params }),
    },
    contentType,
  );
}

export function attemptBody(
  taskId: string,
  attempt: { attempt: number; error: TroupeError; retryAt: number },
  contentType: ContentType,
): Uint8Array {
  const { error, retryAt } = attempt;
  return statusBody(taskId, contentType, { ...saying(error), retryAt });
}

export function startedBody(
  taskId: string,
  contentType: ContentType,
): Uint8Array {
  return statusBody(taskId, contentType, {});
}

/** An attempt that was called off and says nothing of the task. */
export function returnedBody(
  taskId: string,
  error: TroupeError,
  contentType: ContentType,
): Uint8Array {
  return statusBody(taskId, contentType, saying(error));
}

/** Another task does it now. */
export function fallbackBody(
  taskId: string,
  why: {
    error: TroupeError;
    fallback: NonNullable<TaskEvent["fallback"]>;
  },
  contentType: ContentType,
): Uint8Array {
  const { error, fallback } = why;
  return statusBody(taskId, contentType, { ...saying(error), fallback });
}

/** Cut to fit: an attempt that cannot be stored would not count, and be made for ever. */
function saying(error: TroupeError) {
  const said = toRpcError(error);
  return { statusMessage: said.message, error: said };
}

function statusBody(
  taskId: string,
  contentType: ContentType,
  more: object,
): Uint8Array {
  const params = { taskId, status: "working", ...more };
  return encodeBody(
    toNotification("notifications/tasks/status", params),
    contentType,
  );
}

export function progressBody(
  taskId: string,
  progress: Progress & { data?: unknown },
  contentType: ContentType,
): Uint8Array {
  const { data, ...rest } = progress;
  const meta = data === undefined ? {} : { _meta: { data } };
  return encodeBody(
    toNotification("notifications/progress", {
      progressToken: taskId,
      ...rest,
      ...meta,
    }),
    contentType,
  );
}

const errorRequest = z.object({ request: z.unknown() }).partial().catch({});

const statusParams = z.object({
  error: rpcError.optional(),
  retryAt: z.number().optional(),
  fallback: z
    .object({
      agent: z.string(),
      skill: z.string(),
      taskId: z.string(),
      lane: z.string().optional(),
    })
    .optional(),
});
const liveBody = z.object({ params: progressParams });

/** Any event of a task, from the log (with its place and time) or live. */
export function parseTaskEvent(
  subject: string,
  headers: Headers,
  body: Uint8Array,
  place: { sequence?: number; at?: Date } = {},
): TaskEvent {
  const { agent, taskId, kind } = parseTaskEventSubject(subject);
  const event = { taskId, agent, ...factsFrom(headers), ...place };
  if (kind === "end") return { ...event, ...endOf(headers, body) };
  const message = decodeBody(body, headers.contentType) as { params?: unknown };
  const status = statusParams.parse(message.params);
  return {
    ...event,
    kind: isStatusKind(kind) ? kind : "started",
    ...(status.fallback === undefined ? {} : { fallback: status.fallback }),
    ...(status.error === undefined
      ? {}
      : { error: fromRpcError(status.error) }),
    ...(status.retryAt === undefined
      ? {}
      : { retryAt: new Date(status.retryAt) }),
  };
}

/** Whether an event of this kind is no start and no end. */
export function isStatusKind(
  kind: string,
): kind is "attempt" | "returned" | "fallback" {
  return kind === "attempt" || kind === "returned" || kind === "fallback";
}

export function parseProgress(
  agent: string,
  taskId: string,
  headers: Headers,
  body: Uint8Array,
): TaskEvent {
  const {
    progressToken: _token,
    _meta,
    ...progress
  } = liveBody.parse(decodeBody(body, headers.contentType)).params;
  const data = _meta?.["data"];
  return {
    taskId,
    agent,
    kind: "progress",
    ...factsFrom(headers),
    progress: {
      ...progress,
      ...(data === undefined ? {} : { data }),
    },
  };
}

/** Of any message of a task. */
export function routeOf({ route }: Headers): { route?: Route } {
  const parsed = route === undefined ? undefined : parseRouteHeader(route);
  return parsed === undefined ? {} : { route: parsed };
}

function factsFrom(
  headers: Headers,
): Pick<
  TaskEvent,
  | "attempt"
  | "context"
  | "route"
  | "instance"
  | "sequence"
  | "at"
  | "lane"
  | "level"
  | "skill"
  | "tookMs"
> {
  return {
    attempt: Number(headers.attempt ?? 1),
    ...(headers.sequence === undefined
      ? {}
      : { sequence: Number(headers.sequence) }),
    ...(headers.storedAt === undefined
      ? {}
      : { at: new Date(headers.storedAt) }),
    ...(headers.context === undefined ? {} : { context: headers.context }),
    ...routeOf(headers),
    ...(headers.lane === undefined ? {} : { lane: headers.lane }),
    ...(isLevel(headers.level) ? { level: headers.level } : {}),
    ...(headers.skill === undefined ? {} : { skill: headers.skill }),
    ...(headers.took === undefined ? {} : { tookMs: Number(headers.took) }),
    ...(headers.sender === undefined ? {} : { instance: headers.sender }),
  };
}

function endOf(
  headers: Headers,
  body: Uint8Array,
): Pick<TaskEvent, "kind" | "skill" | "input" | "output" | "error"> {
  const message = decodeBody(body, headers.contentType) as {
    result?: unknown;
    error?: { data?: unknown };
  };
  const outcome = toOutcome(message);
  const params =
    outcome.state === "completed"
      ? requestOf(callToolResult.parse(message.result))
      : errorRequest.parse(message.error?.data).request;
  const request = callToolParams.safeParse(params);
  return {
    kind: stateOfType(headers.type) ?? outcome.state,
    ...(request.success
      ? { skill: request.data.name, input: request.data.arguments }
      : {}),
    ...("output" in outcome
      ? { output: outcome.output }
      : { error: outcome.error }),
  };
}

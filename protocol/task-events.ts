// The events of a task as they are read; protocol/task-event-bodies.ts writes them.
import { z } from "zod";
import { parseTaskEventSubject } from "./addresses.js";
import { decodeBody } from "./codec.js";
import type { Headers } from "./headers.js";
import { isLevel } from "./levels.js";
import {
  callToolParams,
  callToolResult,
  progressParams,
  requestOf,
} from "./mcp.js";
import { toOutcome } from "./outcome.js";
import { parseRouteHeader, type Route } from "./route.js";
import { fromRpcError, rpcError } from "./rpc.js";
import { stateOfType, type TaskEvent } from "./task.js";

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
  | "lane"
  | "level"
  | "skill"
  | "tookMs"
> {
  return {
    attempt: Number(headers.attempt ?? 1),
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

// The events of a task as they are written. A terminal event is the JSON-RPC response to the task's own request and
// carries that request along, so that the events alone are the whole history. protocol/task-events.ts reads them.
import { encodeBody } from "./codec.js";
import type { TroupeError } from "./errors.js";
import {
  contentTypeHeader,
  type ContentType,
  type Headers,
} from "./headers.js";
import { defaultLevel, type Level } from "./levels.js";
import { toCallToolResult, type Progress } from "./mcp.js";
import { toNotification, toRpcError } from "./rpc.js";
import { defaultLane } from "./subjects.js";
import type { TaskEvent } from "./task.js";

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

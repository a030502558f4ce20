// W3C trace context through the headers, on @opentelemetry/api alone. Without an SDK nothing is made.
import {
  context,
  propagation,
  SpanKind,
  SpanStatusCode,
  trace,
  type Context,
  type Span,
  type TracerProvider,
} from "@opentelemetry/api";
import { messageOf } from "../../protocol/errors.js";
import type { Headers } from "../../protocol/headers.js";

const tracer = trace.getTracer("troupe");

interface TraceHeaders {
  traceparent?: string;
  tracestate?: string;
}

interface TaskNames {
  agent: string;
  skill: string;
  taskId: string;
}

type Operation =
  "submit" | "deliver" | "handle" | "retry" | "dead-letter" | "ask";

const kinds: Readonly<Record<Operation, SpanKind>> = {
  submit: SpanKind.PRODUCER,
  ask: SpanKind.CLIENT,
  deliver: SpanKind.CONSUMER,
  handle: SpanKind.INTERNAL,
  retry: SpanKind.INTERNAL,
  "dead-letter": SpanKind.PRODUCER,
};

/** Undefined while no SDK is registered: then nothing is made, and nothing is carried. */
export function startSpan(
  operation: Operation,
  names: TaskNames,
  parent?: Context,
): Span | undefined {
  if (!isTraced()) return undefined;
  const span = tracer.startSpan(
    `troupe ${operation} ${names.agent}.${names.skill}`,
    { kind: kinds[operation] },
    parent,
  );
  span.setAttributes({
    "messaging.system": "nats",
    "messaging.operation.name": operation,
    "troupe.agent": names.agent,
    "troupe.skill": names.skill,
    "troupe.task": names.taskId,
  });
  return span;
}

/** Until an SDK is registered, the API's stand-in for a provider has no tracer to delegate to. */
function isTraced(): boolean {
  const provider = trace.getTracerProvider() as TracerProvider & {
    getDelegateTracer?: (name: string) => unknown;
  };
  return (
    provider.getDelegateTracer === undefined ||
    provider.getDelegateTracer("troupe") !== undefined
  );
}

/** The headers that carry a span to whoever reads the message. */
export function headersFor(span: Span): TraceHeaders {
  const carrier: TraceHeaders = {};
  propagation.inject(trace.setSpan(context.active(), span), carrier);
  return carrier;
}

/** The context that a message came with, to be a parent. */
export function contextFrom(headers: Headers): Context {
  if (headers.traceparent === undefined) return context.active();
  return propagation.extract(context.active(), headers);
}

export function within<Result>(
  span: Span | undefined,
  parent: Context,
  run: () => Result,
): Result {
  return span ? context.with(trace.setSpan(parent, span), run) : run();
}

export function endSpan(span: Span | undefined, error?: unknown): void {
  if (!span) return;
  if (error !== undefined) {
    span.recordException(error instanceof Error ? error : messageOf(error));
    span.setStatus({ code: SpanStatusCode.ERROR, message: messageOf(error) });
  }
  span.end();
}

/** For logs. */
export function traceIdOf(headers: Headers): string | undefined {
  return headers.traceparent?.split("-")[1];
}

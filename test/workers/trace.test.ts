// With an SDK of OpenTelemetry registered; this file has the process for itself.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { headers } from "@nats-io/transport-node";
import { context, propagation, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
  type ReadableSpan,
} from "@opentelemetry/sdk-trace-base";
import { doer, quiet } from "../support/doer.js";
import { eventually } from "../support/eventually.js";
import { sharedServer } from "../support/shared-server.js";

const shared = sharedServer();
const exporter = new InMemorySpanExporter();
const provider = new BasicTracerProvider({
  spanProcessors: [new SimpleSpanProcessor(exporter)],
});
trace.setGlobalTracerProvider(provider);
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
propagation.setGlobalPropagator(new W3CTraceContextPropagator());
after(() => provider.shutdown());
const tracer = trace.getTracer("test");

/** The spans of the trace in which `work` ran, under a span "root". */
const traced = async (work: () => Promise<unknown>, count: number) => {
  let traceId = "";
  await tracer.startActiveSpan("root", async (root) => {
    traceId = root.spanContext().traceId;
    await work();
    root.end();
  });
  const inTrace = () =>
    exporter
      .getFinishedSpans()
      .filter((span) => span.spanContext().traceId === traceId);
  await eventually(() => inTrace().length >= count, {
    what: `${count} spans; there are ${inTrace()
      .map(({ name }) => name)
      .join(", ")}`,
  });
  return inTrace();
};
const named = (spans: ReadableSpan[], name: string) => {
  const found = spans.filter((span) => span.name === name);
  assert.ok(found.length > 0, `a span "${name}"`);
  return found;
};
const parentOf = (span: ReadableSpan, spans: ReadableSpan[]) =>
  spans.find(
    (each) => each.spanContext().spanId === span.parentSpanContext?.spanId,
  )?.name;

test("one trace goes from submit over deliver to handle, on two connections", async (t) => {
  const bus = await shared.connect(t);
  const other = await shared.connect(t);
  const quick = doer(() => 1);
  await other.serve(quick, quiet);
  const spans = await traced(() => bus.call(quick.skills.do, 1), 4);
  const [submit] = named(spans, "troupe submit doer.do");
  const [deliver] = named(spans, "troupe deliver doer.do");
  const [handle] = named(spans, "troupe handle doer.do");
  assert.equal(parentOf(submit!, spans), "root");
  assert.equal(parentOf(deliver!, spans), "troupe submit doer.do");
  assert.equal(parentOf(handle!, spans), "troupe deliver doer.do");
  assert.equal(deliver!.attributes["troupe.agent"], "doer");
});

test("the trace goes on over a retry and to the dead letter", async (t) => {
  const bus = await shared.connect(t);
  const cursed = doer(
    () => {
      throw new Error("boom");
    },
    { retry: { attempts: 2, first: "1ms" } },
  );
  await bus.serve(cursed, quiet);
  const spans = await traced(
    () => assert.rejects(bus.call(cursed.skills.do, 1)),
    8,
  );
  assert.equal(named(spans, "troupe deliver doer.do").length, 2);
  assert.equal(named(spans, "troupe handle doer.do").length, 2);
  assert.equal(named(spans, "troupe retry doer.do").length, 1);
  assert.equal(named(spans, "troupe dead-letter doer.do").length, 1);
  const [failed] = named(spans, "troupe handle doer.do");
  assert.equal(failed?.status.message, "boom");
});

test("what a handler submits belongs to the trace of its own task", async (t) => {
  const bus = await shared.connect(t);
  const nested = doer((input): unknown =>
    input === "outer" ? bus.call("doer.do", "inner") : input,
  );
  await bus.serve(nested, quiet);
  const spans = await traced(() => bus.call(nested.skills.do, "outer"), 7);
  const submits = named(spans, "troupe submit doer.do");
  assert.deepEqual(
    submits.map((span) => String(parentOf(span, spans))).sort(),
    ["root", "troupe handle doer.do"],
  );
});

test("traceparent stands in the headers of the task and of its events", async (t) => {
  const bus = await shared.connect(t);
  const nats = await shared.bare(t);
  const seen = new Map<string, string | undefined>();
  nats.subscribe(`${bus.namespace}.>`, {
    callback: (_error, msg) => {
      const [, kind, of] = msg.subject.split(".");
      const name = kind === "event" ? `${of} event` : kind!;
      seen.set(name, msg.headers?.get("traceparent"));
    },
  });
  await nats.flush();
  const quick = doer(() => 1);
  await bus.serve(quick, quiet);
  const spans = await traced(() => bus.call(quick.skills.do, 1), 4);
  const [submit] = named(spans, "troupe submit doer.do");
  const { traceId, spanId } = submit!.spanContext();
  const traceparent = `00-${traceId}-${spanId}-01`;
  await eventually(() => seen.has("task event"));
  assert.equal(seen.get("task"), traceparent);
  assert.equal(seen.get("task event"), traceparent);
});

test("a trace that a bare client began is taken up", async (t) => {
  const bus = await shared.connect(t);
  const quick = doer(() => 1);
  await bus.serve(quick, quiet);
  const nats = await shared.bare(t);
  const block = headers();
  const traceId = "0af7651916cd43dd8448eb211c80319c";
  block.set("traceparent", `00-${traceId}-b7ad6b7169203331-01`);
  await nats.request(
    `${bus.namespace}.task.high.doer.main.do.t1`,
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"do"}}',
    { headers: block, timeout: 2_000 },
  );
  await bus.task("t1").result();
  await eventually(
    () =>
      exporter
        .getFinishedSpans()
        .filter((span) => span.spanContext().traceId === traceId).length === 2,
  );
});

test("a delayed task keeps its trace", async (t) => {
  const bus = await shared.connect(t);
  const quick = doer(() => 1);
  await bus.serve(quick, quiet);
  const spans = await traced(
    () => bus.call(quick.skills.do, 1, { delay: "1ms" }),
    4,
  );
  named(spans, "troupe handle doer.do");
});

test("an ask belongs to the trace in which it was made", async (t) => {
  const bus = await shared.connect(t);
  const quick = doer(() => 1);
  await bus.serve(quick, quiet);
  const spans = await traced(() => bus.ask(quick.skills.do, 1), 3);
  const [ask] = named(spans, "troupe ask doer.do");
  const [handle] = named(spans, "troupe handle doer.do");
  assert.equal(parentOf(ask!, spans), "root");
  assert.equal(parentOf(handle!, spans), "troupe ask doer.do");
});

test("what a handler asks for while it answers belongs to the same trace, and its failure is on its span", async (t) => {
  const bus = await shared.connect(t);
  const nested = doer((input): unknown => {
    if (input === "outer") return bus.ask("doer.do", "inner");
    throw new Error("boom");
  });
  await bus.serve(nested, quiet);
  const spans = await traced(
    () => assert.rejects(bus.ask(nested.skills.do, "outer")),
    5,
  );
  const asks = named(spans, "troupe ask doer.do");
  assert.deepEqual(asks.map((span) => String(parentOf(span, spans))).sort(), [
    "root",
    "troupe handle doer.do",
  ]);
  for (const handle of named(spans, "troupe handle doer.do"))
    assert.equal(handle.status.message, "boom");
});

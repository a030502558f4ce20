// Any NATS client takes part, in JSON, with nothing of Troupe on its side but its subjects.
import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { agent, skill } from "../../index.js";
import { doer, quiet } from "../support/doer.js";
import { eventually } from "../support/eventually.js";
import { sharedServer } from "../support/shared-server.js";

const shared = sharedServer();
const writer = agent("writer", {
  skills: {
    headline: skill({
      description: "A headline",
      input: z.object({ text: z.string() }),
      output: z.object({ headline: z.string() }),
      run: ({ text }) => ({ headline: text.toUpperCase() }),
    }),
  },
});
const request = (args: unknown) =>
  JSON.stringify({
    jsonrpc: "2.0",
    id: "mine",
    method: "tools/call",
    params: { name: "headline", arguments: args },
  });

test("a bare client submits a task, is told that it is stored, and reads its end", async (t) => {
  const bus = await shared.connect(t);
  await bus.serve(writer, quiet);
  const nats = await shared.bare(t);
  const ns = bus.namespace;
  const heard: { subject: string; body: unknown }[] = [];
  nats.subscribe(`${ns}.event.task.writer.t1.end.*`, {
    callback: (_error, msg) =>
      void heard.push({ subject: msg.subject, body: msg.json() }),
  });
  await nats.flush();
  const stored = await nats.request(
    `${ns}.task.high.writer.main.headline.t1`,
    request({ text: "hello" }),
  );
  assert.equal(stored.json<{ stream: string }>().stream, `${ns}_QUEUE_writer`);
  await eventually(() => heard.length === 1);
  const [end] = heard;
  assert.equal(end?.subject, `${ns}.event.task.writer.t1.end.-`);
  const { jsonrpc, id, result } = end.body as {
    jsonrpc: string;
    id: string;
    result: { structuredContent: unknown };
  };
  assert.deepEqual([jsonrpc, id], ["2.0", "t1"]);
  assert.deepEqual(result.structuredContent, { headline: "HELLO" });
});

test("a bare client that comes late reads the end from the log", async (t) => {
  const bus = await shared.connect(t);
  await bus.serve(writer, quiet);
  await bus.call(
    writer.skills.headline,
    { text: "hi" },
    {
      id: "t1",
      format: "json",
    },
  );
  const nats = await shared.bare(t);
  const found = await nats.request(
    `$JS.API.DIRECT.GET.${bus.namespace}_EVENTS`,
    JSON.stringify({ last_by_subj: `${bus.namespace}.event.task.*.t1.end.*` }),
  );
  const { result } = found.json<{ result: { structuredContent: unknown } }>();
  assert.deepEqual(result.structuredContent, { headline: "HI" });
});

test("a bare client's task that fails is told as a JSON-RPC error", async (t) => {
  const bus = await shared.connect(t);
  await bus.serve(writer, quiet);
  const nats = await shared.bare(t);
  const ends: { error: { code: number; message: string } }[] = [];
  nats.subscribe(`${bus.namespace}.event.task.*.t1.end.*`, {
    callback: (_error, msg) => void ends.push(msg.json()),
  });
  await nats.flush();
  await nats.request(
    `${bus.namespace}.task.low.writer.main.headline.t1`,
    request({ text: 5 }),
  );
  await eventually(() => ends.length === 1);
  assert.equal(ends[0]?.error.code, -32602);
  assert.match(ends[0].error.message, /text: /);
});

test("a bare client submits keyed tasks, which keep their order", async (t) => {
  const bus = await shared.connect(t);
  const seen: unknown[] = [];
  await bus.serve(
    doer((input) => seen.push(input)),
    quiet,
  );
  const nats = await shared.bare(t);
  for (let at = 0; at < 10; at++)
    await nats.request(
      `${bus.namespace}.keyed.doer.main.order-7.k${at}`,
      JSON.stringify({
        jsonrpc: "2.0",
        id: at,
        method: "tools/call",
        params: { name: "do", arguments: at },
      }),
    );
  await bus.task("k9").result();
  assert.deepEqual(seen, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

test("a bare client asks, and is answered in JSON", async (t) => {
  const bus = await shared.connect(t);
  await bus.serve(writer, quiet);
  const nats = await shared.bare(t);
  const subject = `${bus.namespace}.ask.writer.headline`;
  const answer = await nats.request(subject, request({ text: "hello" }));
  const { id, result } = answer.json<{
    id: string;
    result: { structuredContent: unknown };
  }>();
  assert.equal(id, "mine");
  assert.deepEqual(result.structuredContent, { headline: "HELLO" });
  for (const bad of [request({ text: 5 }), "{}", "nonsense", '{"jsonrpc'])
    assert.match(
      JSON.stringify((await nats.request(subject, bad)).string()),
      /error/,
      bad,
    );
  assert.deepEqual(
    await bus.ask(writer.skills.headline, { text: "still here" }),
    { headline: "STILL HERE" },
  );
});

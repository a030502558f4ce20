import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import {
  agentEvents,
  recordAgentEvent,
} from "../../../bus/history/agent-events.js";
import { Publisher } from "../../../bus/streams/publisher.js";
import { ensureStreams } from "../../../bus/streams/streams.js";
import type {
  AgentEvent,
  AgentEventKind,
  KnownAgentEvent,
} from "../../../protocol/agent-events.js";
import { doer, quiet } from "../../support/doer.js";
import { eventually } from "../../support/eventually.js";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();

async function all(
  ...[link, where]: Parameters<typeof agentEvents>
): Promise<AgentEvent[]> {
  const events: AgentEvent[] = [];
  for await (const found of agentEvents(link, where)) events.push(found);
  return events;
}

async function opened(t: TestContext) {
  const link = await shared.link(t);
  await ensureStreams(link);
  const publisher = new Publisher(link);
  const record = (
    what: KnownAgentEvent,
    expectation?: Parameters<typeof recordAgentEvent>[3],
  ) => recordAgentEvent(link, publisher, what, expectation);
  return { link, publisher, record };
}

const event = (
  instance: string,
  kind: AgentEventKind,
  data = {},
): KnownAgentEvent => ({
  agent: "writer",
  instance,
  kind,
  data,
});

test("what happens to an agent is read back, all of it or what is asked for", async (t) => {
  const { link, record } = await opened(t);
  await record(event("one", "paused", { by: "me" }));
  const { sequence } = await record(event("two", "lost"));
  const found = await all(link);
  assert.deepEqual(
    found.map(({ instance, kind, data }) => [instance, kind, data]),
    [
      ["one", "paused", { by: "me" }],
      ["two", "lost", {}],
    ],
  );
  const where = { agent: "writer", kind: "lost" };
  const lost = await all(link, where);
  assert.deepEqual(
    lost.map(({ sequence: place }) => place),
    [sequence],
  );
  assert.ok(lost[0]?.at instanceof Date);
});

test("an event that expects another to be the last of its kind is refused when it is not", async (t) => {
  const { record } = await opened(t);
  const of = { agent: "writer", kind: "leading" };
  const { sequence } = await record(event("one", "leading"), { last: 0, of });
  await record(event("x", "lost"), { last: sequence, of });
  const next = await record(event("two", "leading"), { last: sequence, of });
  const late = record(event("y", "lost"), { last: sequence, of });
  await assert.rejects(late, { code: "CONFLICT" });
  await record(event("y", "lost"), { last: next.sequence, of });
});

test("what is no event of an agent is passed over", async (t) => {
  const { link, publisher, record } = await opened(t);
  const subject = link.subjects.agentEvent(event("one", "started"));
  await publisher
    .store(subject, new Uint8Array(0), Buffer.from("?"))
    .catch(() => undefined);
  await record(event("one", "paused"));
  const found = await all(link);
  assert.deepEqual(
    found.map(({ kind }) => kind),
    ["paused"],
  );
});

test("what happens to an instance stands on the log, in order", async (t) => {
  const bus = await shared.connect(t);
  const link = await shared.link(t);
  const worker = await bus.serve(
    doer((input) => input),
    quiet,
  );
  await bus.pauseAgent("doer", { reason: "repairs" });
  await bus.resumeAgent("doer");
  await bus.drainAgent("doer");
  const kinds = async (instance: string) => {
    const found = [];
    for await (const { kind, data } of agentEvents(link, {
      agent: "doer",
      instance,
    }))
      found.push(data["reason"] === undefined ? kind : `${kind}, repairs`);
    return found;
  };
  await eventually(async () => (await kinds(worker.instance)).length === 5);
  assert.deepEqual(await kinds(worker.instance), [
    "started",
    "paused, repairs",
    "resumed",
    "draining",
    "stopped",
  ]);
  assert.deepEqual(await kinds("-"), ["paused, repairs", "resumed"]);
});

test("events of others under an agent's name do not disturb", async (t) => {
  const bus = await shared.connect(t);
  const link = await shared.link(t);
  await recordAgentEvent(link, new Publisher(link), {
    agent: "doer",
    instance: "other",
    kind: "sang",
    data: {},
  } as unknown as KnownAgentEvent); // of a newer version
  await bus.serve(
    doer((input) => input),
    quiet,
  );
  assert.equal(await bus.call("doer.do", 1), 1);
});

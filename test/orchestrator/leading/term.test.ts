import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { agentEvents } from "../../../bus/history/agent-events.js";
import type { Link } from "../../../bus/connection/connection.js";
import { Publisher } from "../../../bus/streams/publisher.js";
import { ensureStreams } from "../../../bus/streams/streams.js";
import { Term, type Held } from "../../../orchestrator/leading/term.js";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();
const lostOne = {
  agent: "writer",
  instance: "w1",
  kind: "lost",
  data: {},
} as const;

async function opened(t: TestContext) {
  const link = await shared.link(t);
  await ensureStreams(link);
  const publisher = new Publisher(link);
  /** Without another, a lease that is believed in for ever, as by one that was frozen in the midst of a step. */
  const begin = (number: number, instance: string, lease?: Held) =>
    Term.begin(
      { link, publisher, instance, lease: lease ?? { held: number } },
      number,
    );
  return { link, begin };
}

async function written(link: Link) {
  const events: [kind: string, instance: string, term: number][] = [];
  for await (const { kind, instance, data } of agentEvents(link))
    events.push([kind, instance, Number(data["term"])]);
  return events;
}

test("what an earlier term writes after a later one has begun is refused by the server", async (t) => {
  const { link, begin } = await opened(t);
  const early = await begin(3, "a");
  await early.record(lostOne);
  const late = await begin(7, "b");
  await assert.rejects(early.record(lostOne), {
    code: "LEASE_LOST",
    message: /term 3 of orchestrator "a" is over, ended by term 7 of "b"/,
  });
  assert.throws(() => early.check(), { code: "LEASE_LOST" });
  await late.record(lostOne);
  assert.deepEqual(await written(link), [
    ["leading", "a", 3],
    ["lost", "w1", 3],
    ["leading", "b", 7],
    ["lost", "w1", 7],
  ]);
});

test("a term that begins late finds that a later one has begun", async (t) => {
  const { link, begin } = await opened(t);
  await begin(7, "b");
  await assert.rejects(begin(3, "a"), { code: "LEASE_LOST" });
  assert.deepEqual(await written(link), [["leading", "b", 7]]);
});

test("of terms that begin at the same time one holds, and none after a higher one", async (t) => {
  const { link, begin } = await opened(t);
  const begun = await Promise.allSettled(
    [5, 9, 6, 8].map((number) => begin(number, `o${number}`)),
  );
  const records = await Promise.allSettled(
    begun.map(async (each) => {
      if (each.status === "rejected") throw each.reason;
      await each.value.record(lostOne);
    }),
  );
  const able = records.filter(({ status }) => status === "fulfilled");
  assert.equal(able.length, 1);
  const begins = (await written(link))
    .filter(([kind]) => kind === "leading")
    .map(([, , term]) => term);
  assert.deepEqual(
    begins,
    begins.toSorted((one, other) => one - other),
  );
});

test("a term is over as soon as its lease is no longer held, or is held anew", async (t) => {
  const { link, begin } = await opened(t);
  const lease: { held: number | undefined } = { held: 2 };
  const term = await begin(2, "a", lease);
  for (const held of [undefined, 4]) {
    lease.held = held;
    assert.throws(() => term.check(), { code: "LEASE_LOST" });
    await assert.rejects(term.record(lostOne), { code: "LEASE_LOST" });
  }
  assert.deepEqual(await written(link), [["leading", "a", 2]]);
});

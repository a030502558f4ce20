// Durability "disk": what is published at the same time is stored in groups, and each message has its own answer.
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { Stored } from "../../../bus/streams/acknowledgement.js";
import { Link } from "../../../bus/connection/connection.js";
import { messagesOn } from "../../../bus/history/stored.js";
import { Publisher } from "../../../bus/streams/publisher.js";
import { ensureStreams } from "../../../bus/streams/streams.js";
import { connect } from "../../../index.js";
import { encodeHeaders } from "../../../protocol/headers.js";
import { audit } from "../../support/audit.js";
import { eventually } from "../../support/eventually.js";
import { startFlow } from "../../support/flow.js";
import { startHand } from "../../support/hands.js";
import { testServer } from "../../support/server.js";
import { temporaryDirectory } from "../../support/temporary-directory.js";
import { withEnvironment } from "../../support/environment.js";

async function opened(t: TestContext) {
  const server = await testServer({ syncAlways: true });
  t.after(() => server.stop());
  const { url } = server;
  const link = await Link.open({ url, namespace: "troupe", timeoutMs: 5_000 });
  t.after(() => link.close());
  link.commitsGroups = true;
  await ensureStreams(link);
  const publisher = new Publisher(link);
  const end = (taskId: string, body = taskId): Promise<Stored> =>
    publisher.store(
      link.subjects.taskEvent({
        agent: "doer",
        taskId,
        kind: "end",
        origin: "-",
      }),
      encodeHeaders({ expectedLastSubjectSequence: "0" }),
      Buffer.from(body),
    );
  const onLog = async () => {
    const bodies = new Map<number, string>();
    const { streams, all } = link.subjects;
    for await (const { sequence, body } of messagesOn(
      link,
      streams.events,
      all.events,
    ))
      bodies.set(sequence, Buffer.from(body).toString());
    return bodies;
  };
  return { server, link, publisher, end, onLog };
}

const ids = Array.from({ length: 1_300 }, (_, at) => `t${at}`);

test("messages that are published together are each stored once, where their answer says", async (t) => {
  const { end, onLog, publisher } = await opened(t);
  const stored = await Promise.all(ids.map((id) => end(id)));
  const log = await onLog();
  assert.equal(log.size, ids.length);
  for (const [at, { sequence, duplicate }] of stored.entries())
    assert.deepEqual([log.get(sequence), duplicate], [ids[at], false]);
  assert.equal(publisher.pending, 0);
});

test("one that is refused does not keep the others of its group from being stored", async (t) => {
  const { end, onLog } = await opened(t);
  await end("t7", "the first");
  const results = await Promise.allSettled(
    ids.slice(0, 50).map((id) => end(id)),
  );
  const codes = results.map((result) =>
    result.status === "rejected"
      ? (result.reason as { code: string }).code
      : "stored",
  );
  assert.deepEqual(
    codes.filter((code) => code !== "stored"),
    ["CONFLICT"],
  );
  assert.equal((await onLog()).size, 50);
});

test("over kills of the server what is published in groups is stored once", async (t) => {
  const { server, end, onLog, link } = await opened(t);
  const results: Promise<unknown>[] = [];
  let stored = 0;
  for (let round = 0; round < 4; round++) {
    const seen = stored;
    for (const id of ids.slice(0, 400))
      results.push(
        end(`${round}-${id}`).then(
          () => stored++,
          (error: { code?: string }) => {
            // Its answer got lost with the server, and it was sent again.
            if (error.code !== "CONFLICT") throw error;
          },
        ),
      );
    await eventually(() => stored > seen, { timeoutMs: 30_000 });
    await server.kill();
    await server.restart();
    await eventually(() => link.connected, { timeoutMs: 30_000 });
  }
  await Promise.all(results);
  const bodies = [...(await onLog()).values()];
  assert.equal(bodies.length, 1_600);
  assert.equal(new Set(bodies).size, 1_600);
});

test("tasks of durability disk end exactly once although their workers are killed", async (t) => {
  const directory = await temporaryDirectory(t);
  await withEnvironment({ NATS_URL: undefined }, async () => {
    await using bus = await connect({ directory, durability: "disk" });
    const place = { url: bus.url, namespace: "troupe" };
    const flow = startFlow(bus, {
      inFlight: 60,
      input: () => ({ ms: 2, note: "" }),
      options: (at) => (at % 3 === 0 ? { key: `key-${at % 20}` } : {}),
    });
    for (let round = 0; round < 3; round++) {
      const seen = flow.told.size;
      const worker = await startHand(t, place);
      await eventually(() => flow.told.size > seen + 50, { timeoutMs: 30_000 });
      await worker.kill();
    }
    await startHand(t, place);
    await flow.end();
    assert.deepEqual(flow.failures, []);
    await audit({ ...place, ...flow });
  });
});

test("when the connection is closed all that waits for its group fails at once", async (t) => {
  const { end, link, publisher } = await opened(t);
  const results = ids.map((id) => end(id));
  await link.close();
  const settled = await Promise.allSettled(results);
  assert.ok(settled.some(({ status }) => status === "rejected"));
  assert.equal(publisher.pending, 0);
});

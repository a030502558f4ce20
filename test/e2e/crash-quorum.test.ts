// Durability "quorum" in a cluster of three real servers: one of them may be killed -9 at any time, whoever leads.
import assert from "node:assert/strict";
import { test } from "node:test";
import { connect, TroupeError } from "../../index.js";
import { Link } from "../../bus/connection/connection.js";
import { audit } from "../support/audit.js";
import { testCluster } from "../support/cluster.js";
import { eventually } from "../support/eventually.js";
import { startFlow } from "../support/flow.js";
import { startHand } from "../support/hands.js";

const namespace = "troupe";
const kills = Number(process.env["TROUPE_KILLS"] ?? 2);

test("in a cluster any server may be killed under load: every accepted task ends exactly once, and all is kept in three copies", async (t) => {
  const cluster = await testCluster();
  t.after(() => cluster.stop());
  const { url } = cluster;
  const bus = await connect({ url, durability: "quorum", timeout: "30s" });
  t.after(() => bus.close());
  const place = { url, namespace };
  await startHand(t, { ...place, concurrency: 32 });
  await startHand(t, { ...place, concurrency: 32 });
  const flow = startFlow(bus, {
    inFlight: 50,
    input: () => ({ ms: 5, note: "" }),
    options: (at) => (at % 5 === 0 ? { key: `key-${at % 20}` } : {}),
  });
  for (let server = 0; server < kills; server++) {
    const seen = flow.told.size;
    await eventually(() => flow.told.size > seen + 100, {
      what: `progress before server ${server} is killed`,
      timeoutMs: 60_000,
    });
    await cluster.kill(server % cluster.size);
    const then = flow.told.size;
    await eventually(() => flow.told.size > then + 100, {
      what: `progress without server ${server}`,
      timeoutMs: 60_000,
    });
    await cluster.restart(server % cluster.size);
    await cluster.settled();
  }
  await flow.end();
  for (const failure of flow.failures)
    assert.ok(failure instanceof TroupeError, String(failure));
  const { ends } = await audit({ ...place, ...flow });
  t.diagnostic(
    `${kills} kills, ${flow.accepted.size} accepted, ${flow.failures.length} failed, ${ends.size} ended`,
  );
  assert.deepEqual(flow.failures, []);
  const link = await Link.open({ url, namespace, timeoutMs: 30_000 });
  t.after(() => link.close());
  for await (const { config } of link.jsm.streams.list())
    assert.equal(config.num_replicas, cluster.size, config.name);
});

// That the machine is what its table says, test/machines.test.ts shows; here, that it drives the link.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Link } from "../../../bus/connection/connection.js";
import { connectionLifecycle } from "../../../bus/connection/connection.machine.js";
import { eventually } from "../../support/eventually.js";
import { testServer } from "../../support/server.js";

test("a link is what its machine says, over a kill of the server and to its end", async () => {
  await using server = await testServer();
  const { url } = server;
  const link = await Link.open({ url, namespace: "troupe", timeoutMs: 5_000 });
  const seen: string[] = [];
  link.onState((state) => {
    assert.equal(link.state, state);
    assert.equal(link.connected, state === "connected");
    assert.equal(link.closed, state === "closed");
    seen.push(state);
  });
  link.onReconnect(() => seen.push("told of the reconnect"));
  link.onClose(() => seen.push("told of the end"));
  assert.equal(link.state, "connected");
  await server.kill();
  await eventually(() => link.state === "reconnecting");
  await server.restart();
  await eventually(() => link.connected);
  await Promise.all([link.close(), link.close()]);
  assert.deepEqual(seen, [
    "reconnecting",
    "told of the reconnect",
    "connected",
    "told of the end",
    "closed",
  ]);
});

test("nothing brings a closed connection back", () => {
  const closed = connectionLifecycle.fold(["connected", "closed"]);
  assert.equal(closed, "closed");
  assert.equal(
    connectionLifecycle.fold(["connected", "closed", "connected"]),
    closed,
  );
});

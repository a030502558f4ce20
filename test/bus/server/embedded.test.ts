import assert from "node:assert/strict";
import { createServer } from "node:net";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { startEmbeddedServer } from "../../../bus/server/embedded.js";
import { identityOf, isRunning } from "../../../bus/server/process-identity.js";
import { testServer } from "../../support/server.js";
import { temporaryDirectory } from "../../support/temporary-directory.js";

test("it takes clients and has JetStream when the start resolves", async (t) => {
  const directory = await temporaryDirectory(t);
  await using server = await startEmbeddedServer({ directory });
  const connection = await connect({ servers: server.url });
  const manager = await jetstreamManager(connection);
  const account = await manager.getAccountInfo();
  assert.equal(account.streams, 0);
  assert.equal(server.storeDir, join(directory, "nats"));
  assert.equal(connection.info?.version, server.version);
  assert.equal(connection.info?.host, "127.0.0.1");
  await connection.close();
});

test("stop resolves when the process is gone, and may be called twice", async (t) => {
  const directory = await temporaryDirectory(t);
  const server = await startEmbeddedServer({ directory });
  const identity = await identityOf(server.pid);
  await Promise.all([server.stop(), server.stop()]);
  assert.equal(await isRunning(identity), false);
  await server.stop();
});

test("a second start in the same process is given the same server, which ends with the last stop", async (t) => {
  const directory = await temporaryDirectory(t);
  const [first, second] = await Promise.all([
    startEmbeddedServer({ directory }),
    startEmbeddedServer({ directory }),
  ]);
  const identity = await identityOf(first.pid);
  assert.equal(first.pid, second.pid);
  await first.stop();
  assert.equal(await isRunning(identity), true);
  await second.stop();
  assert.equal(await isRunning(identity), false);
});

test("a start after a stop finds the store as it was", async (t) => {
  const directory = await temporaryDirectory(t);
  const first = await startEmbeddedServer({ directory });
  await addStream(first.url, "KEPT");
  await first.stop();
  await using second = await startEmbeddedServer({ directory });
  assert.notEqual(second.pid, first.pid);
  assert.deepEqual(await streamsOf(second.url), ["KEPT"]);
});

test("a test's server comes back on the same port and store after kill -9", async () => {
  await using server = await testServer();
  const { port, pid } = server;
  await addStream(server.url, "KEPT");
  await server.kill();
  await assert.rejects(connect({ servers: server.url, reconnect: false }));
  await server.restart();
  assert.equal(server.port, port);
  assert.notEqual(server.pid, pid);
  assert.deepEqual(await streamsOf(server.url), ["KEPT"]);
});

test("a folder whose name has spaces and quotes will do", async (t) => {
  const directory = join(await temporaryDirectory(t), `it's "a" $folder`);
  await using server = await startEmbeddedServer({ directory });
  await addStream(server.url, "KEPT");
  assert.deepEqual(await streamsOf(server.url), ["KEPT"]);
});

test("syncAlways stands in the configuration, and a running server without it is refused", async (t) => {
  const directory = await temporaryDirectory(t);
  const synced = await startEmbeddedServer({ directory, syncAlways: true });
  const text = await readFile(join(directory, "server/nats.conf"), "utf8");
  assert.match(text, /sync_interval: always/);
  // Who asks for less is content with it.
  const joined = await startEmbeddedServer({ directory });
  assert.equal(joined.syncAlways, true);
  await joined.stop();
  await synced.stop();

  await using server = await startEmbeddedServer({ directory });
  assert.equal(server.syncAlways, false);
  await assert.rejects(startEmbeddedServer({ directory, syncAlways: true }), {
    code: "SERVER_FAILED",
    message: /runs already.*does not sync every write/,
  });
  assert.deepEqual(await streamsOf(server.url), []);
});

test("a start that fails says what the server's log says", async (t) => {
  const directory = await temporaryDirectory(t);
  await assert.rejects(
    startEmbeddedServer({ directory, extraConfig: "no_such_option: 1" }),
    { code: "SERVER_FAILED", message: /unknown field "no_such_option"/ },
  );
  // Nothing of it stands in the way of the next start.
  await (await startEmbeddedServer({ directory })).stop();
});

test("a port that is taken is an error that says so", async (t) => {
  const directory = await temporaryDirectory(t);
  const taken = createServer();
  await new Promise<void>((done) => taken.listen(0, "127.0.0.1", done));
  const { port } = taken.address() as { port: number };
  await assert.rejects(startEmbeddedServer({ directory, port }), {
    code: "SERVER_FAILED",
    message: /address already in use/,
  });
  taken.close();
});

test("extraConfig is part of the server's configuration", async (t) => {
  const directory = await temporaryDirectory(t);
  const extraConfig = "max_payload: 2048";
  await using server = await startEmbeddedServer({ directory, extraConfig });
  const connection = await connect({ servers: server.url });
  assert.equal(connection.info?.max_payload, 2048);
  await connection.close();
});

async function addStream(url: string, name: string): Promise<void> {
  const connection = await connect({ servers: url });
  const manager = await jetstreamManager(connection);
  await manager.streams.add({ name, subjects: [name.toLowerCase()] });
  await connection.close();
}

async function streamsOf(url: string): Promise<string[]> {
  const connection = await connect({ servers: url });
  const manager = await jetstreamManager(connection);
  const names = (await manager.streams.list().next()).map(
    ({ config }) => config.name,
  );
  await connection.close();
  return names;
}

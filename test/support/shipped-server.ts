// A server with the users of nats.conf as it is shipped.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { TestContext } from "node:test";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { connect as connectBus, type Bus } from "../../index.js";
import { testServer } from "./server.js";
import { withEnvironment } from "./environment.js";

/** Of nats.conf. */
export const confPath = fileURLToPath(
  new URL("../../../nats.conf", import.meta.url),
);
const users = ["orchestrator", "worker", "submitter", "observer"] as const;
type User = (typeof users)[number];
export const passwords = Object.fromEntries(
  users.map((user) => [`TROUPE_${user.toUpperCase()}_PASSWORD`, `pw${user}`]),
);
/** Runs the authorization block as shipped, and answers a way to connect as one of its users. */
export async function shippedServer(t: TestContext) {
  const server = await startShipped("writer");
  const connections: NatsConnection[] = [];
  t.after(async () => {
    await Promise.all(connections.map((connection) => connection.close()));
    await server.stop();
  });
  return async (user: User, pass = `pw${user}`) => {
    const connection = await connect({ servers: server.url, user, pass });
    connections.push(connection);
    return connection;
  };
}

/** The same for the bus. */
export async function shippedBus(
  t: TestContext,
  agent = "doer",
  edit = (text: string) => text,
) {
  const server = await startShipped(agent, edit);
  const buses: Bus[] = [];
  t.after(async () => {
    await Promise.all(buses.map((bus) => bus.close()));
    await server.stop();
  });
  return async (user: User) => {
    const nats = { user, pass: `pw${user}` };
    const bus = await connectBus({ url: server.url, nats });
    buses.push(bus);
    return bus;
  };
}

async function startShipped(agent: string, edit = (text: string) => text) {
  const text = await readFile(confPath, "utf8");
  const begin = text.indexOf("authorization {");
  const extraConfig = text
    .slice(begin, text.indexOf("# --- TLS"))
    .replaceAll("QUEUE_writer", `QUEUE_${agent}`)
    .replaceAll("_state.writer", `_state.${agent}`);
  assert.ok(begin > 0 && extraConfig.length > 0);
  return withEnvironment(passwords, () =>
    testServer({ extraConfig: edit(extraConfig) }),
  );
}

// One nats-server for all tests of a file, each with a namespace of its own, so that none sees another's.
import { after, before, type TestContext } from "node:test";
import { connect as dial, type NatsConnection } from "@nats-io/transport-node";
import { Link } from "../../bus/connection/connection.js";
import type { EmbeddedServerOptions } from "../../bus/server/embedded.js";
import { connect, type Bus, type ConnectOptions } from "../../index.js";
import { testServer, type TestServer } from "./server.js";

export interface SharedServer {
  readonly server: TestServer;
  /** Connections of one test share a namespace; all are closed when it ends. */
  readonly connect: (
    test: TestContext,
    options?: ConnectOptions,
  ) => Promise<Bus>;
  readonly link: (test: TestContext) => Promise<Link>;
  /** A NATS client that knows nothing of Troupe. */
  readonly bare: (test: TestContext) => Promise<NatsConnection>;
  readonly namespaceOf: (test: TestContext) => string;
}

export function sharedServer(
  options: EmbeddedServerOptions = {},
): SharedServer {
  let server: TestServer | undefined;
  const running = (): TestServer => {
    if (!server) throw new Error("the server is there only while tests run");
    return server;
  };
  before(async () => void (server = await testServer(options)));
  after(() => server?.stop());
  const namespaces = new Map<string, string>();
  const namespaceOf = (test: TestContext): string => {
    const known = namespaces.get(test.name) ?? `t${namespaces.size}`;
    namespaces.set(test.name, known);
    return known;
  };
  return {
    get server() {
      return running();
    },
    namespaceOf,
    async connect(test, more = {}) {
      const namespace = namespaceOf(test);
      const bus = await connect({ url: running().url, namespace, ...more });
      test.after(() => bus.close());
      return bus;
    },
    async link(test) {
      const namespace = namespaceOf(test);
      const url = running().url;
      const link = await Link.open({ url, namespace, timeoutMs: 5_000 });
      test.after(() => link.close());
      return link;
    },
    async bare(test) {
      const connection = await dial({ servers: running().url });
      test.after(() => connection.close());
      return connection;
    },
  };
}

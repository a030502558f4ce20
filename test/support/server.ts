// A real nats-server for one test: a store of its own in a fresh folder, which goes away with it,
// and a port that stays the same over kill() and restart().
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../../bus/server/ports.js";
import { messageOf } from "../../protocol/errors.js";
import {
  startEmbeddedServer,
  type EmbeddedServer,
  type EmbeddedServerOptions,
} from "../../bus/server/embedded.js";

export interface TestServer extends EmbeddedServer {
  readonly directory: string;
  /** kill -9; resolves when it is gone. */
  kill(): Promise<void>;
  /** On the same store and port; stops it first when it still runs. */
  restart(): Promise<void>;
}

export async function testServer(
  options: EmbeddedServerOptions = {},
): Promise<TestServer> {
  const directory =
    options.directory ?? (await mkdtemp(join(tmpdir(), "troupe-test-")));
  const start = (port: number) =>
    startEmbeddedServer({ ...options, directory, port });
  let server = await (options.port === undefined
    ? startOnFreePort(start)
    : start(options.port));
  const stop = async () => {
    await server.stop();
    if (options.directory === undefined)
      await rm(directory, { recursive: true, force: true });
  };
  return {
    directory,
    get url() {
      return server.url;
    },
    get port() {
      return server.port;
    },
    get pid() {
      return server.pid;
    },
    get version() {
      return server.version;
    },
    get storeDir() {
      return server.storeDir;
    },
    get syncAlways() {
      return server.syncAlways;
    },
    revive: () => server.revive(),
    async kill() {
      process.kill(server.pid, "SIGKILL");
      await server.stop();
    },
    async restart() {
      await server.stop();
      server = await start(server.port);
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

const maxTries = 10;

/** Another process may take the port between the look and the start. */
async function startOnFreePort(
  start: (port: number) => Promise<EmbeddedServer>,
): Promise<EmbeddedServer> {
  for (let tries = 1; ; tries++) {
    try {
      return await start(await freePort());
    } catch (error) {
      const isTaken = messageOf(error).includes("address already in use");
      if (!isTaken || tries === maxTries) throw error;
    }
  }
}

// From options to a bus: where the server is, what must survive, and streams as this version needs them.
import { Link } from "./bus/connection/connection.js";
import type { LinkOptions } from "./bus/connection/dial.js";
import {
  checkDurability,
  type Durability,
} from "./bus/connection/durability.js";
import type { Scorer } from "./bus/routing/scorer.js";
import {
  startEmbeddedServer,
  type EmbeddedServer,
} from "./bus/server/embedded.js";
import { ensureStreams, type StreamLimits } from "./bus/streams/streams.js";
import { toMs, type Duration } from "./protocol/duration.js";
import { defaultNamespace } from "./protocol/subjects.js";
import { Bus } from "./troupe.js";

export interface ConnectOptions {
  /** Where nats-server is. Default $NATS_URL; without either, an embedded server is started. */
  url?: string;
  /** Stands before every subject, so that many troupes share a cluster. Default troupe. */
  namespace?: string;
  /** What must survive. Default process. */
  durability?: Durability;
  /** Limits of the streams, where they are made or may be changed. */
  limits?: StreamLimits;
  /** How long the first connection may take. Default 5s. */
  timeout?: Duration;
  /** The connection's name in the server's monitoring. */
  name?: string;
  /** Credentials, TLS and the rest, as the NATS client takes them. */
  nats?: LinkOptions["nats"];
  /** What understands plain words where a need has some. Default: the words of the cards, without a model. */
  scorer?: Scorer;
  /** Where the embedded server keeps its store. Default .troupe in the project. */
  directory?: string;
}

/** Connects to NATS; where none is named, to an embedded server that ends with this process. */
export async function connect(options: ConnectOptions = {}): Promise<Bus> {
  const given = options.url ?? process.env["NATS_URL"];
  const server = given
    ? undefined
    : await startEmbeddedServer(embedded(options));
  try {
    const link = await Link.open({
      url: given || server!.url,
      namespace: options.namespace ?? defaultNamespace,
      timeoutMs: toMs(options.timeout ?? "5s", "timeout"),
      ...(options.name === undefined ? {} : { name: options.name }),
      ...(options.nats === undefined ? {} : { nats: options.nats }),
    });
    if (server)
      link.onState((state) => {
        if (state === "reconnecting") void server.revive();
      });
    return await ready(link, server, options);
  } catch (error) {
    await server?.stop();
    throw error;
  }
}

async function ready(
  link: Link,
  server: EmbeddedServer | undefined,
  options: ConnectOptions,
): Promise<Bus> {
  try {
    const limits = checkDurability(
      link,
      options.durability ?? "process",
      options.limits ?? {},
      server !== undefined,
    );
    link.commitsGroups = options.durability === "disk";
    await ensureStreams(link, limits);
    return new Bus(link, server, limits, options.scorer);
  } catch (error) {
    await link.close();
    throw error;
  }
}

function embedded(options: ConnectOptions) {
  return {
    ...(options.directory === undefined
      ? {}
      : { directory: options.directory }),
    ...(options.durability === "disk" ? { syncAlways: true } : {}),
  };
}

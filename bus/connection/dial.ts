// Opening a connection: where the server is, who we are, and what went wrong.
import {
  connect,
  type ConnectionOptions,
  type NatsConnection,
} from "@nats-io/transport-node";
import { formatMs } from "../../protocol/duration.js";
import { messageOf, TroupeError } from "../../protocol/errors.js";
import { decodeValue } from "../../protocol/headers.js";

export interface LinkOptions {
  url: string;
  namespace: string;
  name?: string;
  /** How long the first connection may take. */
  timeoutMs: number;
  /** Credentials, TLS and the rest, as the NATS client takes them. */
  nats?: Omit<ConnectionOptions, "servers" | "name">;
}

interface ServerAddress {
  /** Without credentials, so that no message shows them. */
  servers: string[];
  credentials: { user?: string; pass?: string; token?: string };
}

/** The client takes no credentials in a URL, where people write them: `nats://user:password@host` or `nats://token@host`. */
export function parseAddress(urls: string): ServerAddress {
  let credentials: ServerAddress["credentials"] = {};
  const servers = urls.split(",").map((text) => {
    const [, scheme = "", said, host = ""] =
      /^\s*(\w+:\/\/)?(?:(.*)@)?(.*?)\s*$/.exec(text) ?? [];
    if (said !== undefined) credentials = parseCredentials(said);
    return scheme + host;
  });
  return { servers, credentials };
}

function parseCredentials(said: string): ServerAddress["credentials"] {
  const [user = "", ...pass] = said.split(":").map(decodeValue);
  return pass.length === 0 ? { token: user } : { user, pass: pass.join(":") };
}

/** Throws NOT_CONNECTED or PERMISSION_DENIED; once connected, it reconnects for as long as it takes. */
export async function dial(
  options: LinkOptions,
  { servers, credentials }: ServerAddress,
): Promise<NatsConnection> {
  const url = servers.join(",");
  try {
    return await connect({
      ...credentials,
      ...options.nats,
      servers,
      name: options.name ?? "troupe",
      timeout: options.timeoutMs,
      maxReconnectAttempts: -1,
      reconnectTimeWait: options.nats?.reconnectTimeWait ?? 250,
      noAsyncTraces: true,
      ignoreAuthErrorAbort: true,
    });
  } catch (cause) {
    if (/authorization|authentication/i.test(messageOf(cause))) {
      throw new TroupeError(
        "PERMISSION_DENIED",
        `nats-server at ${url} refused these credentials: give the right ones in the URL or in connect({ nats })`,
        { cause },
      );
    }
    throw new TroupeError(
      "NOT_CONNECTED",
      `no nats-server answered at "${url}"${whyNot(cause, options.timeoutMs)}: ${whatToDo(options)}`,
      { cause },
    );
  }
}

/** The variable may hold another address than the one that was given. */
const whatToDo = ({ url }: LinkOptions): string =>
  url === process.env["NATS_URL"]
    ? "start it there, correct $NATS_URL, or unset it to use an embedded one"
    : "start it there, or correct the URL";

/** Some do not take the whole time to fail. */
function whyNot(cause: unknown, timeoutMs: number): string {
  const said = messageOf(cause);
  if (/timeout/i.test(said)) return ` within ${formatMs(timeoutMs)}`;
  if (/refused/i.test(said)) return ", which refused the connection";
  return ` (${said})`;
}

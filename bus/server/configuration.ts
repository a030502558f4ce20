// The configuration of a server at hand: only on this machine, JetStream with a store of its own,
// no monitoring port. The limits are the server's defaults: files may take what the disk has.
import { createHash } from "node:crypto";

export interface ServerConfiguration {
  readonly port: number | undefined;
  readonly syncAlways: boolean;
  readonly extraConfig: string;
}

interface ServerPlaces {
  readonly storeDir: string;
  readonly runDirectory: string;
}

const mark = "# asked for: ";

/** `port`: where none is asked for. */
export function configurationText(
  asked: ServerConfiguration,
  places: ServerPlaces,
  port: number,
): string {
  return `# Written by Troupe at each start of this server; what you change here is lost.
${mark}${summary(asked)}
host: "127.0.0.1"
port: ${asked.port ?? port}
server_name: "troupe-embedded"
ports_file_dir: ${quote(places.runDirectory)}
jetstream {
  store_dir: ${quote(places.storeDir)}${asked.syncAlways ? "\n  sync_interval: always" : ""}
}
${asked.extraConfig}
`;
}

/** What a server that runs already was asked for, from its configuration file; undefined for none of ours. */
export function askedFor(text: string): Asked | undefined {
  const line = text.split("\n").find((one) => one.startsWith(mark));
  if (line === undefined) return undefined;
  try {
    return JSON.parse(line.slice(mark.length)) as Asked;
  } catch {
    return undefined;
  }
}

/** How a running server falls short of what is asked now, in words; undefined when it does not. */
export function shortfall(
  running: Asked,
  asked: ServerConfiguration,
): string | undefined {
  if (asked.syncAlways && !running.syncAlways)
    return "it does not sync every write, and syncAlways was asked for";
  if (asked.port !== undefined && running.port !== asked.port)
    return `it was not started for port "${asked.port}"`;
  if (asked.extraConfig !== "" && running.extra !== digest(asked.extraConfig))
    return "it was started with another extraConfig";
  return undefined;
}

interface Asked {
  readonly port?: number | undefined;
  readonly syncAlways: boolean;
  /** A digest: the text itself may hold passwords, and would stand here twice. */
  readonly extra: string;
}

const summary = (asked: ServerConfiguration): string =>
  JSON.stringify({
    port: asked.port,
    syncAlways: asked.syncAlways,
    extra: digest(asked.extraConfig),
  } satisfies Asked);

const digest = (text: string): string =>
  createHash("sha256").update(text).digest("hex").slice(0, 16);

const quote = (path: string): string => JSON.stringify(path);

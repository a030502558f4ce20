// The processes of a directory's server as the watchdog wrote them down: server, reader, watchdog.
// A number counts only while the process behind it carries our configuration file in its command.
import { readFile, readdir } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { TroupeError } from "../../protocol/errors.js";
import { runsWith } from "./process-identity.js";

const pollMs = 5;

export interface Reachable {
  readonly pid: number;
  readonly port: number;
  readonly version: string;
}

/** The number of the server first; empty when none was written down. */
export async function processesOf(runDirectory: string): Promise<number[]> {
  const text = await readFile(join(runDirectory, "pids"), "utf8").catch(
    () => "",
  );
  return text.split(/\s+/).filter(Boolean).map(Number);
}

/** Those of them that still run. */
export async function livingProcesses(
  pids: readonly number[],
  configuration: string,
): Promise<number[]> {
  const lives = await Promise.all(
    pids.map((pid) => runsWith(pid, configuration)),
  );
  return pids.filter((_, index) => lives[index]);
}

/** Throws SERVER_FAILED when they still run after `timeoutMs`. */
export async function awaitEnd(
  pids: readonly number[],
  configuration: string,
  timeoutMs: number,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const living = await livingProcesses(pids, configuration);
    if (living.length === 0) return;
    if (Date.now() > deadline)
      throw new TroupeError(
        "SERVER_FAILED",
        `the server did not end within ${timeoutMs} ms: process "${living.join(", ")}" still runs; end it with kill`,
      );
    await delay(pollMs);
  }
}

/** Waits until it takes clients, JetStream included. `hasEnded` says that waiting longer is of no use. */
export async function awaitReady(
  runDirectory: string,
  hasEnded: () => Promise<boolean>,
  timeoutMs: number,
): Promise<Reachable | undefined> {
  const deadline = Date.now() + timeoutMs;
  while (Date.now() < deadline) {
    const found = await reach(runDirectory);
    if (found) return found;
    if (await hasEnded()) return undefined;
    await delay(pollMs);
  }
  return undefined;
}

async function reach(runDirectory: string): Promise<Reachable | undefined> {
  const [pid] = await processesOf(runDirectory);
  const port = await portOf(runDirectory, pid);
  if (pid === undefined || port === undefined) return undefined;
  const info = await greetingOf(port);
  return info?.jetstream === true
    ? { pid, port, version: info.version }
    : undefined;
}

/** The server writes the ports file when it listens; its name ends in the server's pid. */
async function portOf(
  runDirectory: string,
  pid: number | undefined,
): Promise<number | undefined> {
  const names = await readdir(runDirectory).catch(() => []);
  const name = names.find((one) => one.endsWith(`_${pid}.ports`));
  if (name === undefined) return undefined;
  const text = await readFile(join(runDirectory, name), "utf8").catch(() => "");
  const port = /:(\d+)"/.exec(text)?.[1];
  return port === undefined ? undefined : Number(port);
}

interface Greeting {
  readonly version: string;
  readonly jetstream?: boolean;
}

/** What a nats-server says to whoever connects. It listens only after JetStream has its streams back. */
function greetingOf(port: number): Promise<Greeting | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    let text = "";
    const finish = (greeting: Greeting | undefined) => {
      socket.destroy();
      resolve(greeting);
    };
    socket.setTimeout(2000, () => finish(undefined));
    socket.once("error", () => finish(undefined));
    socket.once("close", () => finish(undefined));
    socket.setEncoding("utf8").on("data", (part: string) => {
      text += part;
      if (text.includes("\r\n")) finish(parseGreeting(text));
    });
  });
}

function parseGreeting(text: string): Greeting | undefined {
  try {
    return JSON.parse(/^INFO (\{.*\})/.exec(text)?.[1] ?? "null") ?? undefined;
  } catch {
    return undefined;
  }
}

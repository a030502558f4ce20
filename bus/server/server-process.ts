// The processes of a directory's server as the watchdog wrote them down: server, reader, watchdog.
// A number counts only while the process behind it carries our configuration file in its command.
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { TroupeError } from "../../protocol/errors.js";
import { greetingOf } from "./greeting.js";
import type { Places } from "./places.js";
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
async function livingProcesses(
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

/** SIGTERM to those that still run, and SIGKILL after `timeoutMs`; resolves when they are gone. */
export async function endProcesses(
  pids: readonly number[],
  configuration: string,
  timeoutMs: number,
): Promise<void> {
  const living = await livingProcesses(pids, configuration);
  for (const pid of living) signal(pid, "SIGTERM");
  await awaitEnd(living, configuration, timeoutMs).catch(async () => {
    for (const pid of await livingProcesses(living, configuration))
      signal(pid, "SIGKILL");
    await awaitEnd(living, configuration, timeoutMs);
  });
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    // It ended by itself in the meantime.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** Waits until it takes clients, JetStream included; undefined when it ended before that, or too late. */
export async function awaitReady(
  places: Places,
  timeoutMs: number,
): Promise<Reachable | undefined> {
  const deadline = Date.now() + timeoutMs;
  while (Date.now() < deadline) {
    const found = await reach(places.runDirectory);
    if (found) return found;
    if (await hasEnded(places)) return undefined;
    await delay(pollMs);
  }
  return undefined;
}

/** Not before it was written down. */
async function hasEnded(places: Places): Promise<boolean> {
  const [server] = await processesOf(places.runDirectory);
  return (
    server !== undefined &&
    (await livingProcesses([server], places.configuration)).length === 0
  );
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
export async function portOf(
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

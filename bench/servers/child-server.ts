// A server that is a child of this process: it is waited for, and ended with it, whatever happens.
import {
  spawn,
  type ChildProcess,
  type SpawnOptions,
} from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";

const startsWithinMs = 60_000;

interface ChildServer {
  /** The process, whose children belong to it. */
  pid: number;
  stop(): Promise<void>;
}

/** What a benchmark knows of a server, whoever started it. */
export interface StartedServer extends ChildServer {
  url: string;
  adminUrl?: string;
}

/** Resolves when `isReady` says so; throws when the process ends before, or time is up. */
export async function startChildServer(
  file: string,
  args: string[],
  options: SpawnOptions & { stopSignal: NodeJS.Signals },
  isReady: () => Promise<boolean>,
): Promise<ChildServer> {
  const { stopSignal, ...spawnOptions } = options;
  const child = spawn(file, args, { stdio: "ignore", ...spawnOptions });
  const kill = () => void child.kill(stopSignal);
  process.once("exit", kill);
  const stop = async () => {
    process.off("exit", kill);
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill(stopSignal);
    await exited;
  };
  try {
    await ready(child, file, isReady);
  } catch (error) {
    await stop();
    throw error;
  }
  return { pid: child.pid!, stop };
}

async function ready(
  child: ChildProcess,
  file: string,
  isReady: () => Promise<boolean>,
): Promise<void> {
  let failure: Error | undefined;
  child.on("error", (error) => (failure = error));
  for (const until = Date.now() + startsWithinMs; Date.now() < until;) {
    if (failure) throw failure;
    if (child.exitCode !== null)
      throw new Error(`${file} ended with ${child.exitCode}`);
    if (await isReady()) return;
    await delay(50);
  }
  throw new Error(`${file} was not ready within ${startsWithinMs} ms`);
}

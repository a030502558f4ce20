// A script of this folder in a process of its own, to be killed -9, stopped or asked. What it says on standard
// output is one JSON object a line; what it is told is its only argument, as JSON.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { eventually } from "./eventually.js";

const script = (name: string) =>
  fileURLToPath(new URL(`${name}.js`, import.meta.url));

export interface Child<Said> extends AsyncDisposable {
  readonly pid: number;
  /** All that it said so far. */
  readonly said: readonly Said[];
  readonly ended: Promise<number | NodeJS.Signals>;
  signal(signal: NodeJS.Signals): void;
  /** kill -9; resolves when it is gone. */
  kill(): Promise<void>;
}

const readyMs = 30_000;

/** Resolves when it has said something. */
export async function startChild<Said>(
  name: string,
  told: object,
): Promise<Child<Said>> {
  const child = spawn(process.execPath, [script(name), JSON.stringify(told)], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, TROUPE_LOG: "silent" },
  });
  let over = false;
  const ended = once(child, "close").then(([code, signal]) => {
    over = true;
    return (code ?? signal) as number | NodeJS.Signals;
  });
  const said: Said[] = [];
  createInterface({ input: child.stdout }).on("line", (line) =>
    said.push(JSON.parse(line) as Said),
  );
  const kill = async () => {
    child.kill("SIGKILL");
    await ended;
  };
  try {
    await eventually(() => said.length > 0 || over, {
      what: `the first word of ${name}`,
      timeoutMs: readyMs,
    });
  } catch (error) {
    await kill();
    throw error;
  }
  if (said.length === 0) throw new Error(`${name} ended without a word`);
  return {
    pid: child.pid!,
    said,
    ended,
    signal: (signal) => void child.kill(signal),
    kill,
    [Symbol.asyncDispose]: kill,
  };
}

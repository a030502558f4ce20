// A script of this folder in a process of its own, to be killed -9 or stopped. What it says on standard output is one
// JSON object a line; what it is told is its only argument, as JSON.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { eventually } from "./eventually.js";

const script = (name: string) =>
  fileURLToPath(new URL(`${name}.js`, import.meta.url));

export interface Child<Said> {
  readonly pid: number;
  /** All that it said so far. */
  readonly said: readonly Said[];
  /** Its exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
  signal(this: void, signal: NodeJS.Signals): void;
  /** kill -9; resolves when it is gone. */
  kill(this: void): Promise<void>;
}

const readyMs = 30_000;
const childrenOf = new WeakMap<TestContext, (() => Promise<void>)[]>();

/** kill -9 of all that the test started: before what they write to is removed. */
export async function killChildren(test: TestContext): Promise<void> {
  await Promise.all((childrenOf.get(test) ?? []).map((kill) => kill()));
}

/** Ends with the test at the latest. Resolves when it has said something, or has ended before it could. */
export function startChild<Said>(
  test: TestContext,
  name: string,
  told: object,
): Promise<Child<Said>> {
  return spawnChild<Said>(name, told, {}, ({ kill }) => {
    childrenOf.set(test, [...(childrenOf.get(test) ?? []), kill]);
    test.after(kill);
  });
}

/** Who calls it is to kill it. `clockShiftMs` is how far its clock is from ours. */
export async function spawnChild<Said>(
  name: string,
  told: object,
  { clockShiftMs }: { clockShiftMs?: number | undefined } = {},
  onSpawned: (child: Child<Said>) => void = () => undefined,
): Promise<Child<Said>> {
  const shifted = clockShiftMs !== undefined;
  const preload = shifted ? ["--import", script("shifted-clock")] : [];
  const child = spawn(
    process.execPath,
    [...preload, script(name), JSON.stringify(told)],
    {
      stdio: ["pipe", "pipe", "inherit"],
      env: {
        ...process.env,
        TROUPE_LOG: "silent",
        ...(shifted && { CLOCK_SHIFT_MS: String(clockShiftMs) }),
      },
    },
  );
  let over = false;
  const ended = once(child, "close").then(([code, signal]) => {
    over = true;
    return (code ?? signal) as number | NodeJS.Signals;
  });
  const said: Said[] = [];
  createInterface({ input: child.stdout }).on("line", (line) =>
    said.push(JSON.parse(line) as Said),
  );
  const spawned: Child<Said> = {
    pid: child.pid!,
    said,
    ended,
    signal: (signal) => void child.kill(signal),
    async kill() {
      child.kill("SIGKILL");
      await ended;
    },
  };
  onSpawned(spawned);
  await eventually(() => said.length > 0 || over, {
    what: `the first word of ${name}`,
    timeoutMs: readyMs,
  });
  return spawned;
}

// `troupe work … --replicas` as a process of its own, and what it says.
import { createInterface } from "node:readline";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { start, type Ended } from "../cli/command.js";
import { eventually } from "./eventually.js";

export const hiredModule = fileURLToPath(
  new URL("replica-agent.js", import.meta.url),
);

export interface Said {
  supervisor?: "serves" | "died" | "left" | "killed" | "scales";
  replica?: number;
  pid?: number;
  end?: number | string;
  from?: number;
  to?: number;
  reason?: string;
  [more: string]: unknown;
}

export interface Supervisor {
  readonly pid: number;
  /** All that it said so far. */
  readonly said: readonly Said[];
  readonly ended: Promise<Ended>;
  signal(signal: NodeJS.Signals): void;
  /** The replicas that serve, as far as it has said. */
  serving(): number[];
  /** Resolves when so many serve. */
  serves(count: number): Promise<number[]>;
}

interface SupervisorOptions {
  url: string;
  namespace: string;
  replicas: string;
  files?: readonly string[];
  more?: readonly string[];
}

/** Ends with the test at the latest. */
export function supervisor(
  test: TestContext,
  { url, namespace, replicas, files, more = [] }: SupervisorOptions,
): Supervisor {
  const options = ["--replicas", replicas, "--namespace", namespace, "--json"];
  const { child, ended } = start(
    ["work", ...(files ?? [hiredModule]), ...options, ...more],
    { url },
  );
  const said: Said[] = [];
  createInterface({ input: child.stdout! }).on("line", (line) =>
    said.push(JSON.parse(line) as Said),
  );
  test.after(async () => {
    child.kill("SIGKILL");
    await ended;
    await eventually(() => pidsOf(said).every((pid) => !isAlive(pid)), {
      what: "the end of all replicas",
      timeoutMs: 20_000,
    });
  });
  const serving = (): number[] => {
    const pids = new Set<number>();
    for (const { supervisor: what, pid } of said)
      if (what === "serves") pids.add(pid!);
      else if (pid !== undefined) pids.delete(pid);
    return [...pids];
  };
  return {
    pid: child.pid!,
    said,
    ended,
    signal: (signal) => void child.kill(signal),
    serving,
    async serves(count) {
      await eventually(() => serving().length === count, {
        what: `${count} replicas`,
        timeoutMs: 30_000,
      });
      return serving();
    },
  };
}

const pidsOf = (said: readonly Said[]): number[] => [
  ...new Set(
    said.flatMap(({ supervisor: what, pid }) => (what && pid ? [pid] : [])),
  ),
];

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

// Another process that serves the agent "child".
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { eventually } from "./eventually.js";

const script = (name: string) =>
  fileURLToPath(new URL(`${name}.js`, import.meta.url));

interface ChildWorker extends AsyncDisposable {
  readonly pid: number;
  /** What its clock said when it was ready. */
  readonly now: number;
  /** The ids of the tasks that it began, in order. */
  readonly started: readonly string[];
  /** Resolves when it has ended: its exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
  signal(signal: NodeJS.Signals): void;
}

interface ChildWorkerOptions {
  url: string;
  namespace: string;
  ackWait?: string;
  concurrency?: number;
  /** How far its clock is from ours. */
  clockShiftMs?: number;
}

/** Resolves when it takes tasks. */
export async function childWorker(
  options: ChildWorkerOptions,
): Promise<ChildWorker> {
  const { url, namespace, ackWait = "10s", concurrency = 1 } = options;
  const { clockShiftMs } = options;
  const preload =
    clockShiftMs === undefined ? [] : ["--import", script("shifted-clock")];
  const process_ = spawn(
    process.execPath,
    [
      ...preload,
      script("worker-process"),
      url,
      namespace,
      ackWait,
      String(concurrency),
    ],
    {
      stdio: ["ignore", "pipe", "inherit"],
      env: {
        ...process.env,
        TROUPE_LOG: "silent",
        CLOCK_SHIFT_MS: String(clockShiftMs ?? 0),
      },
    },
  );
  const ended = once(process_, "exit").then(
    ([code, signal]) => (code ?? signal) as number | NodeJS.Signals,
  );
  const started: string[] = [];
  let now: number | undefined;
  createInterface({ input: process_.stdout }).on("line", (line) => {
    const said = JSON.parse(line) as { started?: string; now?: number };
    if (said.started !== undefined) started.push(said.started);
    now ??= said.now;
  });
  await eventually(() => now !== undefined, { what: "a child's readiness" });
  return {
    pid: process_.pid!,
    now: now!,
    started,
    ended,
    signal: (signal) => void process_.kill(signal),
    async [Symbol.asyncDispose]() {
      process_.kill("SIGKILL");
      await ended;
    },
  };
}

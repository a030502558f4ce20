// A worker in a process of its own, to be killed.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Grounds } from "./grounds.js";

const command = fileURLToPath(new URL("../main.js", import.meta.url));

interface WorkerProcess extends AsyncDisposable {
  readonly pid: number;
  /** kill -9; answers the signal that it died of. */
  kill(): Promise<string>;
}

/** Resolves when it takes tasks. */
export async function startWorkerProcess(
  module: URL,
  { url, bus }: Grounds,
): Promise<WorkerProcess> {
  const child = spawn(
    process.execPath,
    [
      command,
      "work",
      fileURLToPath(module),
      "--json",
      `--namespace=${bus.namespace}`,
      "--ack-wait=1s",
    ],
    {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, NATS_URL: url }, // not among its words: anyone may read those
    },
  );
  const exit = once(child, "exit");
  const endWithUs = () => child.kill("SIGKILL");
  process.once("exit", endWithUs);
  let said = "";
  child.stderr.on("data", (chunk) => (said += chunk));
  const kill = async () => {
    child.kill("SIGKILL");
    const [code, signal] = (await exit) as [number | null, string | null];
    process.off("exit", endWithUs);
    return signal ?? `exit ${code}`;
  };
  const lines = createInterface({ input: child.stdout });
  const ready = await Promise.race([
    once(lines, "line"),
    exit.then(() => null),
  ]);
  if (ready === null)
    throw new Error(`the worker's process ended at once: ${said.trim()}`);
  return {
    pid: child.pid ?? 0,
    kill,
    [Symbol.asyncDispose]: async () => void (await kill()),
  };
}

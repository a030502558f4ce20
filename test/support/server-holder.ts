// Another process that uses the server of a directory, to be stopped, interrupted or killed -9.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const script = fileURLToPath(
  new URL("server-holder-process.js", import.meta.url),
);

interface ServerHolder extends AsyncDisposable {
  readonly processId: number;
  /** What its start answered. */
  readonly server: { readonly pid: number; readonly port: number };
  /** Ctrl-C in its terminal: to its whole process group. Resolves when it has heard of it. */
  interrupt(): Promise<void>;
  stop(): Promise<void>;
  /** kill -9; resolves when it is gone. */
  kill(): Promise<void>;
}

/** Resolves when the server runs; throws what its start threw. */
export async function serverHolder(directory: string): Promise<ServerHolder> {
  const child = spawn(process.execPath, [script, directory], {
    detached: true,
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = once(child, "exit");
  const answers = createInterface({ input: child.stdout })[
    Symbol.asyncIterator
  ]();
  const next = async () => {
    const { value, done } = await answers.next();
    if (done) throw new Error("the process that uses the server ended");
    const answer = JSON.parse(value) as Record<string, unknown>;
    if (typeof answer["error"] === "string") throw new Error(answer["error"]);
    return answer;
  };
  const kill = async () => {
    child.kill("SIGKILL");
    await ended;
  };
  const server = (await next()) as { pid: number; port: number };
  const processId = child.pid ?? 0;
  return {
    processId,
    server,
    async interrupt() {
      process.kill(-processId, "SIGINT");
      await next();
    },
    async stop() {
      child.stdin.write("stop\n");
      await next();
      child.stdin.end();
      await ended;
    },
    kill,
    [Symbol.asyncDispose]: kill,
  };
}

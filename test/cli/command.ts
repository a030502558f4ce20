// The command as its users have it: a process of its own.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { run } from "../../cli/run.js";

const main = fileURLToPath(new URL("../../cli/main.js", import.meta.url));
export const demoFolder = fileURLToPath(
  new URL("../../cli/demo/", import.meta.url),
);

interface CommandOptions {
  /** $NATS_URL; undefined takes it away. */
  url?: string | undefined;
  cwd?: string;
  input?: string;
  env?: Readonly<Record<string, string>>;
}

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  /** Of --json: each line of stdout. */
  objects: Record<string, unknown>[];
}

/** Runs it to its end, in this process where it needs none of its own: that is a third of a second less of its time. */
export async function troupe(
  args: readonly string[],
  options: CommandOptions = {},
): Promise<Ended> {
  const { url, ...others } = options;
  const isAlone = args[0] === "work" || args[0] === "dev"; // it starts processes, or is ended by signals
  const isPlain = url !== undefined && Object.keys(others).length === 0;
  if (isAlone || !isPlain) return start(args, options).ended;
  const [stdout, stderr] = [new Written(), new Written()];
  const said = args.includes("--url") ? args : [...args, "--url", url];
  const code = await run(said, { stdout, stderr });
  return ended(args, code, null, stdout.text, stderr.text);
}

class Written {
  text = "";

  write(text: string): void {
    this.text += text;
  }
}

function ended(
  args: readonly string[],
  code: number | null,
  signal: NodeJS.Signals | null,
  stdout: string,
  stderr: string,
): Ended {
  const objects = args.includes("--json") ? parsed(stdout) : [];
  return { code, signal, stdout, stderr, objects };
}

export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Resolves with the next line of stdout; undefined at its end. */
  line(): Promise<string | undefined>;
}

export function start(
  args: readonly string[],
  options: CommandOptions = {},
): Running {
  const child = spawn(process.execPath, [main, ...args], {
    cwd: options.cwd ?? process.cwd(),
    env: environment(options),
    stdio: ["pipe", "pipe", "pipe"],
    timeout: 60_000,
    killSignal: "SIGKILL",
  });
  child.stdin.on("error", () => undefined);
  child.stdin.end(options.input ?? "");
  let [stdout, stderr] = ["", ""];
  const lines = createInterface({ input: child.stdout });
  const queue = lines[Symbol.asyncIterator]();
  child.stdout.on("data", (chunk) => (stdout += chunk));
  child.stderr.on("data", (chunk) => (stderr += chunk));
  const close = once(child, "close");
  const end = async (): Promise<Ended> => {
    const [code, signal] = (await close) as [
      number | null,
      NodeJS.Signals | null,
    ];
    return ended(args, code, signal, stdout, stderr);
  };
  const line = async () => {
    const { value, done } = await queue.next();
    return done === true ? undefined : value;
  };
  return { child, ended: end(), line };
}

const parsed = (text: string): Record<string, unknown>[] =>
  text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>);

function environment({ url, env }: CommandOptions): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(NATS_URL|TROUPE_LOG|NODE_|OTEL_)/.test(name),
  );
  return {
    ...Object.fromEntries(kept),
    ...(url === undefined ? {} : { NATS_URL: url }),
    ...env,
  };
}

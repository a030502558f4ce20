// One replica: a `troupe work` of its own, whose output is read line by line and whose heartbeats say how it is.
import { spawn, type ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import {
  drain,
  heartbeat,
  replicaVariable,
  type Heartbeat,
} from "./channel.js";

const command = fileURLToPath(new URL("../main.js", import.meta.url));
const wordsKept = 5;
const lastWordsMs = 500;

export type Stream = "stdout" | "stderr";
export type OnLine = (replica: Replica, stream: Stream, text: string) => void;

export class Replica {
  readonly number: number;
  readonly startedAt = performance.now();
  /** Its last lines, for whoever wants to know why it ended. */
  readonly lastWords: string[] = [];
  /** How it is; undefined until it takes tasks. */
  newest: Heartbeat | undefined;
  /** It was told to end. */
  leaving = false;
  killed = false;
  /** How it ended: an exit code, or the signal that ended it. */
  end: number | NodeJS.Signals | undefined;
  /** Resolves when it is over and has said its last words. */
  readonly ended: Promise<void>;
  /** Resolves when it takes tasks, if it ever does. */
  readonly serves: Promise<void>;
  readonly #process: ChildProcess;

  constructor(number: number, args: readonly string[], onLine: OnLine) {
    this.number = number;
    this.#process = spawn(
      process.execPath,
      [...nodeOptions(), command, ...args],
      {
        env: { ...process.env, [replicaVariable]: String(number) },
        stdio: ["ignore", "pipe", "pipe", "ipc"],
      },
    );
    const read = this.#read(onLine);
    this.serves = new Promise((resolve) => {
      this.#process.on("message", (message) => {
        const parsed = heartbeat.safeParse(message); // a module may send messages of its own
        if (!parsed.success) return;
        this.newest = parsed.data;
        resolve();
      });
    });
    this.ended = new Promise((resolve) => {
      const over = (end: number | NodeJS.Signals) => {
        this.end ??= end;
        resolve();
      };
      this.#process.once("exit", (code, signal) => {
        // Its last words may be under way; a child of its own may keep the pipe open for ever.
        void Promise.race([read, pause(lastWordsMs)]).then(() =>
          over(code ?? signal ?? 1),
        );
      });
      this.#process.on("error", (error) => {
        if (this.#process.pid !== undefined) return; // a message that did not reach it: it is about to end
        this.lastWords.push(`it could not be started: ${error.message}`);
        over(1);
      });
    });
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  get livedMs(): number {
    return performance.now() - this.startedAt;
  }

  /** How many tasks it had in hand when it last said so. */
  get running(): number {
    const served = this.newest?.serving ?? [];
    return served.reduce((sum, { running }) => sum + running, 0);
  }

  /** It takes nothing new, finishes what it has in hand and ends. */
  drain(): void {
    this.leaving = true;
    if (this.#process.connected) this.#process.send(drain, () => undefined);
  }

  kill(): void {
    this.killed = true;
    this.#process.kill("SIGKILL");
  }

  async #read(onLine: OnLine): Promise<void> {
    const streams = ["stdout", "stderr"] as const;
    await Promise.all(
      streams.map(async (stream) => {
        for await (const text of createInterface(this.#process[stream]!)) {
          this.lastWords.push(text);
          if (this.lastWords.length > wordsKept) this.lastWords.shift();
          onLine(this, stream, text);
        }
      }),
    );
  }
}

/** Of several processes only one can listen for a debugger at an address. */
const nodeOptions = (): string[] =>
  process.execArgv.filter((option) => !option.startsWith("--inspect"));

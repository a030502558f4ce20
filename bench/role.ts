// A client or a worker of somebody who is measured, in a process of its own: the parent's side (the child's is
// bench/answering.ts). Every wait has a deadline (R9), and `close` and `kill` leave no process behind.
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { FromChild, Questions, ToChild } from "./dialogue.js";

const readyWithinMs = 120_000;
const answeredWithinMs = 60_000;
const closedWithinMs = 10_000;

interface Hosted {
  /** Of whom it is a part. */
  name: string;
  role: "worker" | "client";
  /** What the child runs. */
  child: URL;
  module: URL;
  scene: unknown;
  environment?: NodeJS.ProcessEnv;
}

/** Resolves when it is ready. Throws with the child's reason. */
export async function startRole<Of extends Questions<Of> & { close: unknown }>({
  name,
  role,
  child,
  module,
  scene,
  environment,
}: Hosted): Promise<Role<Of>> {
  const started = fork(
    fileURLToPath(child),
    [role, module.href, JSON.stringify(scene)],
    { env: { ...process.env, ...environment } },
  );
  const opened = new Role<Of>(`The ${role} of "${name}"`, started);
  try {
    await opened.next("ready", readyWithinMs);
  } catch (error) {
    await opened.kill();
    throw error;
  }
  return opened;
}

export class Role<Of extends Questions<Of>> {
  readonly #name: string;
  readonly #child: ChildProcess;

  constructor(name: string, child: ChildProcess) {
    this.#name = name;
    this.#child = child;
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** Throws with the child's reason, or when the time is up. */
  async ask<Each extends keyof Of & string>(
    question: Each,
    asked: Of[Each]["asked"],
    withinMs = answeredWithinMs,
  ): Promise<Of[Each]["answered"]> {
    const answered = this.next(question, withinMs);
    this.#child.send({ question, asked } satisfies ToChild);
    return answered;
  }

  /** What it says next. */
  next(awaited: string, withinMs: number): Promise<unknown> {
    const child = this.#child;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => settle(`did not say "${awaited}" within ${withinMs} ms`),
        withinMs,
      );
      const onExit = () => settle(`ended before it said "${awaited}"`);
      const onMessage = (message: unknown) => {
        const said = message as FromChild;
        if (said.kind === "failed") return settle(`failed: ${said.reason}`);
        settle();
        resolve(said.kind === "answer" ? said.answered : undefined);
      };
      const settle = (failure?: string): void => {
        clearTimeout(timer);
        child.off("exit", onExit).off("message", onMessage);
        if (failure) reject(new Error(`${this.#name} ${failure}`));
      };
      child.on("exit", onExit).on("message", onMessage);
    });
  }

  async kill(): Promise<void> {
    if (this.#hasEnded) return;
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exited;
  }

  async close(): Promise<void> {
    if (this.#hasEnded) return;
    const exited = once(this.#child, "exit");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), closedWithinMs);
    const closing = { question: "close", asked: null } satisfies ToChild;
    if (this.#child.connected) this.#child.send(closing);
    else this.#child.kill("SIGKILL");
    await exited;
    clearTimeout(timer);
  }

  get #hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }
}

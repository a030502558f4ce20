// The parent's side of bench/workflows/child.ts. Every wait has a deadline (R9), and `close` and `kill` leave
// no process behind.
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Scene } from "./contract.js";
import type { Participant } from "./participants.js";
import type { FromChild, Question, Questions, ToChild } from "./questions.js";

const readyWithinMs = 60_000;
const closedWithinMs = 10_000;

export interface Role {
  pid: number;
  /** Throws with the child's reason, or when the time is up. */
  ask<Each extends Question>(
    question: Each,
    asked: Questions[Each]["asked"],
    withinMs?: number,
  ): Promise<Questions[Each]["answered"]>;
  kill(): Promise<void>;
  close(): Promise<void>;
}

export async function startRole(
  participant: Participant,
  role: "worker" | "client",
  scene: Scene,
): Promise<Role> {
  const name = `The ${role} of "${participant.name}"`;
  const child = fork(
    fileURLToPath(new URL("./child.js", import.meta.url)),
    [
      role,
      new URL(participant.module, import.meta.url).href,
      JSON.stringify(scene),
    ],
    { env: { ...process.env, NODE_ENV: "production", NATS_URL: "" } },
  );
  const next = (withinMs: number, awaited: string) =>
    new Promise<unknown>((resolve, reject) => {
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
      function settle(failure?: string): void {
        clearTimeout(timer);
        child.off("exit", onExit).off("message", onMessage);
        if (failure) reject(new Error(`${name} ${failure}`));
      }
      child.on("exit", onExit).on("message", onMessage);
    });
  const ended = () => child.exitCode !== null || child.signalCode !== null;
  const kill = async () => {
    if (ended()) return;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  };
  const ask = async (question: Question, asked: unknown, withinMs = 60_000) => {
    const answered = next(withinMs, question);
    child.send({ question, asked } satisfies ToChild);
    return answered;
  };
  try {
    await next(readyWithinMs, "ready");
  } catch (error) {
    await kill();
    throw error;
  }
  return {
    pid: child.pid!,
    ask: ask as Role["ask"],
    kill,
    async close() {
      if (ended()) return;
      const exited = once(child, "exit");
      const timer = setTimeout(() => child.kill("SIGKILL"), closedWithinMs);
      await ask("close", null, closedWithinMs).catch(() => kill());
      await exited;
      clearTimeout(timer);
    },
  };
}

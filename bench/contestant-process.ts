// The parent's side of bench/child.ts. Every wait has a deadline (R9), and `close` leaves no
// process behind.
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { FromChild, ToChild } from "./child.js";
import type { Contestant, Scene } from "./contestant.js";
import type { Load, Measured } from "./load.js";

const readyWithinMs = 120_000;
const closedWithinMs = 10_000;
const slackMs = 20_000;

export interface ContestantProcess {
  /** For a client: runs the load and returns what it measured. */
  measure(load: Load): Promise<Measured>;
  close(): Promise<void>;
}

/** Starts one role of a contestant and resolves when it is ready; throws with the child's reason. */
export async function startRole(
  contestant: Contestant,
  role: "worker" | "client",
  scene: Scene,
): Promise<ContestantProcess> {
  const name = `The ${role} of "${contestant.name}"`;
  const moduleUrl = new URL(contestant.module, import.meta.url).href;
  const child = fork(fileURLToPath(new URL("./child.js", import.meta.url)), [
    role,
    moduleUrl,
    JSON.stringify(scene),
  ]);
  try {
    await answer(child, "ready", name, readyWithinMs);
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  }
  return {
    async measure(load) {
      const measured = answer(
        child,
        "measured",
        name,
        load.warmUpMs + load.durationMs + slackMs,
      );
      child.send({ kind: "measure", load } satisfies ToChild);
      return (await measured).measured;
    },
    close: () => close(child),
  };
}

async function close(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  const timer = setTimeout(() => child.kill("SIGKILL"), closedWithinMs);
  if (child.connected) child.send({ kind: "close" } satisfies ToChild);
  await exited;
  clearTimeout(timer);
}

function answer<Kind extends FromChild["kind"]>(
  child: ChildProcess,
  kind: Kind,
  name: string,
  withinMs: number,
): Promise<Extract<FromChild, { kind: Kind }>> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () =>
        settle(() =>
          reject(new Error(`${name} was not "${kind}" within ${withinMs} ms`)),
        ),
      withinMs,
    );
    const onExit = () =>
      settle(() => reject(new Error(`${name} ended before it was "${kind}"`)));
    const onMessage = (message: unknown) => {
      const said = message as FromChild;
      if (said.kind === "failed")
        settle(() => reject(new Error(`${name} failed: ${said.reason}`)));
      if (said.kind === kind)
        settle(() => resolve(said as Extract<FromChild, { kind: Kind }>));
    };
    function settle(how: () => void): void {
      clearTimeout(timer);
      child.off("exit", onExit).off("message", onMessage);
      how();
    }
    child.on("exit", onExit).on("message", onMessage);
  });
}

// A replica's side of its supervisor: it tells how it is, and stops when it is told to, or when nobody is left
// to tell it.
import { performance } from "node:perf_hooks";
import type { Worker } from "../../workers/worker.js";
import {
  drain,
  heartbeatMs,
  replicaVariable,
  type Heartbeat,
  type Served,
} from "./channel.js";

export class Parent {
  /** Resolves when it is to finish what it has in hand and end. A signal says so, too, however often it comes. */
  readonly stopped: Promise<void>;
  #serving = false;
  #timer: NodeJS.Timeout | undefined;

  /** Undefined in a process that no supervisor has started. */
  static find(): Parent | undefined {
    const isReplica = process.env[replicaVariable] !== undefined;
    delete process.env[replicaVariable]; // not for what a module starts
    return isReplica && process.send ? new Parent() : undefined;
  }

  private constructor() {
    this.stopped = new Promise((resolve) => {
      const stop = () => {
        if (!this.#serving) process.exit(); // it has nothing to finish
        resolve();
      };
      // A terminal and a service manager tell the whole group, the supervisor among it: that is one request.
      for (const signal of ["SIGTERM", "SIGINT"] as const)
        process.on(signal, stop);
      process.on("message", (message) => message === drain && stop());
      process.once("disconnect", () => {
        this.#orphaned();
        stop();
      });
      if (!process.connected) stop();
    });
  }

  /** From now on there may be tasks in hand, so that stopping takes its time. */
  begins(): void {
    this.#serving = true;
  }

  /** From now on the supervisor is told how the workers are. */
  tell(workers: readonly Worker[]): void {
    let loop = performance.eventLoopUtilization();
    let cpu = process.cpuUsage();
    let at = performance.now();
    const send = () => {
      const sinceMs = performance.now() - at;
      const used = process.cpuUsage(cpu);
      const usedMs = (used.user + used.system) / 1_000;
      const heartbeat: Heartbeat = {
        serving: workers.map(toServed),
        loop: performance.eventLoopUtilization(loop).utilization,
        cpu: sinceMs > 0 ? usedMs / sinceMs : 0,
      };
      loop = performance.eventLoopUtilization();
      cpu = process.cpuUsage();
      at = performance.now();
      if (process.connected) process.send!(heartbeat, ignore);
    };
    send();
    this.#timer = setInterval(send, heartbeatMs);
    this.#timer.unref();
  }

  /** Nobody reads what it says any more, and that must not end it. */
  #orphaned(): void {
    clearInterval(this.#timer);
    for (const stream of [process.stdout, process.stderr]) {
      stream.removeAllListeners("error"); // the command ends when nobody reads it
      stream.on("error", ignore);
    }
  }
}

const ignore = (): void => undefined;

function toServed(worker: Worker): Served {
  const { agent, instance, lane, concurrency, counts } = worker;
  const ended = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const { running } = worker.card();
  return { agent, instance, lane, concurrency, running, ended };
}

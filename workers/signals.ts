// Draining on SIGTERM and SIGINT: all workers of the process finish what they have in hand, then it exits as
// the signal says.
import type { Worker } from "./worker.js";

const defaults: readonly NodeJS.Signals[] = ["SIGTERM", "SIGINT"];
const workers = new Set<Worker>();
const handled = new Set<NodeJS.Signals>();

export function drainOnSignals(
  worker: Worker,
  signals: readonly NodeJS.Signals[] = defaults,
): void {
  workers.add(worker);
  for (const signal of signals) {
    if (handled.has(signal)) continue;
    handled.add(signal);
    process.once(signal, () => void drainAll(signal));
  }
}

export function forgetOnSignals(worker: Worker): void {
  workers.delete(worker);
}

async function drainAll(signal: NodeJS.Signals): Promise<void> {
  handled.delete(signal);
  const inTime = [...workers].map((worker) => worker.drain());
  await Promise.allSettled(inTime);
  // Whoever else listens to the signal decides how the process ends; if nobody does, the signal does.
  if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
}

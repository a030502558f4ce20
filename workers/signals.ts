// Draining on SIGTERM and SIGINT: all workers of the process finish what they have in hand, then it exits as
// the signal says.

interface Drainable {
  drain(): Promise<void>;
}

const defaults: readonly NodeJS.Signals[] = ["SIGTERM", "SIGINT"];
const workers = new Set<Drainable>();
const handled = new Set<NodeJS.Signals>();

/** Returns how to forget it again. */
export function drainOnSignals(
  worker: Drainable,
  signals: readonly NodeJS.Signals[] = defaults,
): () => void {
  workers.add(worker);
  for (const signal of signals) {
    if (handled.has(signal)) continue;
    handled.add(signal);
    process.once(signal, () => void drainAll(signal));
  }
  return () => void workers.delete(worker);
}

async function drainAll(signal: NodeJS.Signals): Promise<void> {
  handled.delete(signal);
  await Promise.allSettled([...workers].map((worker) => worker.drain()));
  // Whoever else listens to the signal decides how the process ends; if nobody does, the signal does.
  if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
}

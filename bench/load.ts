// The load loop that all contestants share: keeps N calls in flight for a time, throws the warm-up
// away, and counts what came back between its end and the deadline. A latency is from call to
// answer as the caller sees it.
import type { Note } from "./contestant.js";

export interface Load {
  inFlight: number;
  warmUpMs: number;
  durationMs: number;
}

export interface Measured {
  count: number;
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
}

/** Rejects when a call does, or when an answer is not the expected one. */
export async function measure(
  send: () => Promise<Note>,
  expected: Note,
  load: Load,
): Promise<Measured> {
  const from = performance.now() + load.warmUpMs;
  const until = from + load.durationMs;
  const latencies: number[] = [];

  async function lane(): Promise<void> {
    for (let begun = performance.now(); begun < until;) {
      const answer = await send();
      if (answer.text !== expected.text)
        throw new Error(
          `The answer was not the expected one: "${answer.text}"`,
        );
      const ended = performance.now();
      if (ended >= from && ended < until) latencies.push(ended - begun);
      begun = ended;
    }
  }

  await Promise.all(Array.from({ length: load.inFlight }, lane));
  return summarize(latencies, load.durationMs);
}

function summarize(latencies: number[], durationMs: number): Measured {
  const sorted = Float64Array.from(latencies).sort();
  return {
    count: sorted.length,
    perSecond: (sorted.length * 1000) / durationMs,
    p50Ms: quantile(sorted, 0.5),
    p99Ms: quantile(sorted, 0.99),
  };
}

/** Of values in ascending order; NaN when there are none. */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  return (
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ??
    Number.NaN
  );
}

// The load loop that all contestants share: keeps N calls in flight for a time and counts what came
// back. A latency is from call to answer as the caller sees it. Before the measuring, a warm-up of at
// least `warmUpInFlight` makes both processes compile what they run, also for one call at a time.
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

const warmUpInFlight = 64;
/** After the warm-up the calls start all at once: the wave is not counted. */
const rampMs = 200;

/** Rejects when a call does, or when an answer is not the expected one. */
export async function measure(
  send: () => Promise<Note>,
  expected: Note,
  { inFlight, warmUpMs, durationMs }: Load,
): Promise<Measured> {
  const checked = async () => {
    const { text } = await send();
    if (text !== expected.text)
      throw new Error(`The answer was not the expected one: "${text}"`);
  };
  await latenciesOf(checked, Math.max(inFlight, warmUpInFlight), 0, warmUpMs);
  return summarize(
    await latenciesOf(checked, inFlight, rampMs, durationMs),
    durationMs,
  );
}

/** Of the calls that end after the ramp and within the duration; resolves when all are back. */
async function latenciesOf(
  send: () => Promise<void>,
  inFlight: number,
  rampMs: number,
  durationMs: number,
): Promise<number[]> {
  const from = performance.now() + rampMs;
  const until = from + durationMs;
  const latencies: number[] = [];
  const lane = async () => {
    for (let begun = performance.now(); begun < until;) {
      await send();
      const ended = performance.now();
      if (ended >= from && ended < until) latencies.push(ended - begun);
      begun = ended;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
  return latencies;
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

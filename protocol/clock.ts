// Time as something that is handed in: the machine's own, or xstate's SimulatedClock, so that what waits for
// minutes is tested in none.
export interface Clock {
  /** Milliseconds since some moment; only differences count. */
  now(): number;
  setTimeout(run: () => void, ms: number): unknown;
  clearTimeout(timer: unknown): void;
}

/** It never jumps, whatever becomes of the date. */
export const steadyClock: Clock = {
  now: () => performance.now(),
  setTimeout: (run, ms) => setTimeout(run, ms),
  clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout),
};

// What the parent asks its children, the client and the worker, and what they answer.
import type { Load, Measured } from "../load.js";
import type { Counts, Latencies } from "./tally.js";

/** What may be asked, and what is answered. */
export interface WorkflowQuestions {
  measure: { asked: Load; answered: Measured };
  /** Starts so many `three` a second, evenly, whether earlier ones have ended or not. */
  pace: { asked: { perSecond: number; durationMs: number }; answered: null };
  sleep: { asked: { count: number; until: number }; answered: null };
  startLong: { asked: { id: string; steps: number }; answered: null };
  signalLong: { asked: { id: string }; answered: null };
  /** Of a worker: forgets the starts that it heard of. */
  forget: { asked: null; answered: null };
  starts: { asked: null; answered: Latencies };
  counts: { asked: null; answered: Counts };
  /** Bytes of the heap and beside it that are in use, once garbage has been collected. */
  memory: { asked: null; answered: number };
  close: { asked: null; answered: null };
}

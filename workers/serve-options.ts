// How an instance is to be served, and with what where that is left out.
import type { Labels } from "../protocol/card.js";
import { toMs, type Duration } from "../protocol/duration.js";
import { TroupeError } from "../protocol/errors.js";
import { newToken } from "../protocol/ids.js";
import { defaultLane } from "../protocol/subjects.js";

export interface ServeOptions {
  /** Its name among the instances. Default a new one. */
  instance?: string;
  /** How many tasks at a time. Default 16. */
  concurrency?: number;
  /** Which tasks: those submitted to this lane. Default main. */
  lane?: string;
  /** Facts by which callers choose: `{ region: "eu" }`. Added to those of the agent. */
  labels?: Labels;
  /** Its share where callers spread work by weight. Default 1. */
  weight?: number;
  /** A task whose worker is silent for so long goes to another instance. Default 10s. */
  ackWait?: Duration;
  /** How long draining waits for tasks in hand before it calls them off. Default 30s. */
  drain?: Duration;
  /** Drain and exit on these signals. Default SIGTERM and SIGINT; false for none. */
  signals?: readonly NodeJS.Signals[] | false;
}

/** Options with nothing left out. */
export interface ServeRules {
  instance: string;
  concurrency: number;
  lane: string;
  labels: Labels;
  weight: number;
  ackWaitMs: number;
  drainMs: number;
}

/** Throws ARGUMENT_INVALID. */
export function serveRules(options: ServeOptions): ServeRules {
  return {
    instance: options.instance ?? newToken(),
    concurrency: checkConcurrency(options.concurrency ?? 16),
    lane: options.lane ?? defaultLane,
    labels: options.labels ?? {},
    weight: options.weight ?? 1,
    ackWaitMs: Math.max(1_000, toMs(options.ackWait ?? "10s", "ackWait")),
    drainMs: toMs(options.drain ?? "30s", "drain"),
  };
}

function checkConcurrency(concurrency: number): number {
  if (
    Number.isInteger(concurrency) &&
    concurrency >= 1 &&
    concurrency <= 10_000
  )
    return concurrency;
  throw new TroupeError(
    "ARGUMENT_INVALID",
    `concurrency ${concurrency} is none: use a whole number from 1 to 10000`,
  );
}

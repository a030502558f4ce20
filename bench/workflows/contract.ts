// What the benchmark of durable workflows asks of whoever takes part. A participant is one module that
// exports `openWorker` and `openClient`; bench/workflows/child.ts hosts each in a process of its own. It
// wires three workflows to what `Work` gives it, every function of `Work` as one durable step:
//   three    one(note), two(text), three(text); returns { text }
//   sleeper  asleep({ until }) says for how many milliseconds to sleep, durably; then woken()
//   long     so many times tick(), then a durable wait for a signal, then replayed()
import type { Note } from "../contestant.js";

/** What is sent to `three`. */
export interface Dispatch extends Note {
  /** `now()` of the client. */
  sentAt: number;
}

export interface Work {
  one(input: Dispatch): string;
  two(text: string): string;
  three(text: string): string;
  asleep(input: { until: number }): number;
  woken(): number;
  tick(): number;
  replayed(): number;
}

/** Where the run takes place. */
export interface Scene {
  /** What clients speak to: of a server with an empty store, started for this run alone. */
  url: string;
  /** Where a server is administered, if that is another place. */
  adminUrl?: string;
  /** A free port that stays the same when the worker is started again. */
  workerPort: number;
  durability: "process" | "disk";
  /** Where the server has its store. */
  directory: string;
  /** The most that will be in flight. */
  inFlight: number;
}

export interface Worker {
  close(): Promise<void>;
}

export interface Client {
  /** Resolves with the workflow's result. */
  run(input: Dispatch): Promise<Note>;
  /** Resolves when the workflow is accepted durably. */
  sleep(until: number): Promise<void>;
  startLong(id: string, steps: number): Promise<void>;
  /** Resolves when the signal is stored; there may be no worker. */
  signalLong(id: string): Promise<void>;
  close(): Promise<void>;
}

export interface Module {
  /** Resolves when the worker takes work. A second one on the same server takes over what the first left. */
  openWorker(scene: Scene, work: Work): Promise<Worker>;
  openClient(scene: Scene): Promise<Client>;
}

/** Milliseconds of a clock that all processes of this machine share. */
export function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

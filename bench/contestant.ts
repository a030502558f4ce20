// What the benchmark asks of whoever takes part. A contestant is one module that exports
// `openWorker` and `openClient`; bench/child.ts hosts each of the two in a process of its own,
// and the worker is opened first, so streams and queues are made there.

/** What is sent, and what comes back. */
export interface Note {
  text: string;
}

/** Where the run takes place, and how large its world is. */
export interface Scene {
  /** Of a server with an empty store, started for this run alone: `nats://…` or `redis://…`. */
  url: string;
  /** The load to come, so that a contestant may set itself up for it. */
  inFlight: number;
  /** So many agents are served by the one worker, and the client sends to them in turn. */
  agents: number;
  /** So many tasks lie on the stream before the measuring, for an agent that nobody serves. */
  backlog: number;
}

export interface Client {
  /**
   * One unit from end to end: resolves with the worker's answer, once acceptance (where the
   * contestant has such a thing) and answer are both in hand. Is called again while earlier calls
   * are under way; rejects when anything went wrong, which ends the run.
   */
  send(input: Note): Promise<Note>;
  close(): Promise<void>;
}

export interface Worker {
  close(): Promise<void>;
}

export interface ContestantModule {
  /** Resolves when the worker takes work; it answers each input with `work(input)`. */
  openWorker(scene: Scene, work: (input: Note) => Note): Promise<Worker>;
  /** Resolves when `send` may be called, with the scene's backlog in place. */
  openClient(scene: Scene): Promise<Client>;
}

export type Group = "tasks" | "ask" | "growth";

export interface Contestant {
  /** Unique; `--only` takes it. */
  name: string;
  group: Group;
  /** The row's label in the table. */
  title: string;
  /** The durability level behind the figure, named beside it. */
  durability: string;
  server: "nats" | "redis";
  /** The module: beside this file once compiled, or an `.mjs` file in bench/peers. */
  module: string;
  agents?: number;
  backlog?: number;
}

/** The work of every worker: next to nothing, so that the bus is what is measured. */
export function work(input: Note): Note {
  return { text: input.text.toUpperCase() };
}

export const sampleInput: Note = {
  text: "a headline for the text that an agent was given. ".repeat(2),
};

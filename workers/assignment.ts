// A task in hand: what the parts of its execution share.
import type { Link } from "../bus/connection/connection.js";
import type { Delivery } from "../bus/delivery/delivery.js";
import type { Recollection } from "../bus/delivery/recall.js";
import type { Publisher } from "../bus/streams/publisher.js";
import type { Recorder, Subject } from "../bus/tasks/recorder.js";
import type { Names } from "../bus/tasks/target.js";
import type { TroupeError } from "../protocol/errors.js";
import type { Outcome } from "../protocol/outcome.js";
import type { EventFacts } from "../protocol/task-event-bodies.js";
import type { EndState } from "../protocol/task.js";
import type { Limits } from "./limits/limits.js";
import type { Router } from "../bus/routing/router.js";
import type { Submitter } from "../bus/tasks/submitter.js";
import type { Slots } from "./limits/gate.js";
import type { PutOff } from "./put-off.js";
import type { Recent } from "./recent.js";
import type { SkillRunner } from "./skill-runner.js";
import type { Misfits } from "./steps/misfits.js";
import type { SignalEars } from "./steps/signal-ears.js";
import type { Suspension } from "./steps/suspension.js";
import type { TaskFacts } from "./task-context.js";
import type { Watch } from "./watch.js";

export interface ExecutionHost {
  readonly link: Link;
  readonly publisher: Publisher;
  readonly recorder: Recorder;
  readonly watch: Watch;
  /**
   * Lately, as their cancelers tell. The message of such a task may still come, for it was on its way, or its canceler
   * may not remove it: then the log is asked before the handler runs.
   */
  readonly canceled: Recent<string, true>;
  readonly putOff: PutOff;
  readonly misfits: Misfits;
  readonly runners: ReadonlyMap<string, SkillRunner>;
  readonly agent: string;
  /** Of the worker; a task with a key may have come from main's queue. */
  readonly lane: string;
  readonly instance: string;
  /** An event could not be written, or the history not be read. */
  logFailed(this: void, error: unknown): void;
  /** Undefined where no skill has any. */
  readonly limits: Limits | undefined;
  readonly fallbacks: Fallback;
  /** Of the agent as it is served here. */
  readonly version: string;
  readonly slots: Slots;
  readonly submitter: Submitter;
  /** Whom needs mean. */
  readonly router: Router;
  readonly ears: SignalEars;
}

export type Result =
  "completed" | "failed" | "retried" | "late" | "returned" | "parked";

/** Where a task falls back to. */
export interface FallbackPlace extends Names {
  lane?: string | undefined;
  /** Why it goes there, where only a need was named. */
  route?: string;
}

/** See limits/fallbacks.ts. */
export interface Fallback {
  placeFor(
    task: Assignment,
    input: unknown,
  ): Promise<FallbackPlace | undefined>;
  outcome(
    task: Assignment,
    to: FallbackPlace,
    input: unknown,
    why: TroupeError,
  ): Promise<Outcome>;
  cancel(task: Assignment, error: TroupeError): void;
  stop(error: TroupeError): void;
}

export interface Assignment extends TaskFacts {
  readonly host: ExecutionHost;
  readonly delivery: Delivery;
  readonly subject: Subject;
  readonly past: Recollection;
  /** It may have been in hand before. */
  mayBeKnown(): boolean;
  /** Another may have it by now: the server has not heard of it for long, or may have forgotten who has it. */
  readonly isInDoubt: boolean;
  /** It waits without a slot. */
  slotless: boolean;
  /** Its handler has used a durable operation, or did in an earlier attempt. */
  readonly hasJournal: boolean;
  deadlineInMs(): number;
  /** As it came, before its schema; undefined before the message was read. */
  readonly input: unknown;
  /**
   * To be waited for before it leaves its queue: what an earlier task of its id has left on the journal goes, for it
   * could not be told from its own when it comes back. Throws CONFLICT where the task is another's by now.
   */
  ownJournal(): Promise<void> | undefined;
  /** What its events say of it, beside their subject. */
  facts(): EventFacts;
  /** To be waited for before it ends otherwise than by its output. */
  ending(state: EndState, error: TroupeError): Promise<void> | undefined;
  /** Its handler waits for others, and needs no slot; or goes on. */
  rest(rests: boolean): void;
  /**
   * Undoes what it did durably. Resolves with what it is to end with, or with why it is left for now; undefined where
   * there is nothing to undo.
   */
  unwind(
    state: EndState,
    error: TroupeError,
  ): Promise<TroupeError | Suspension> | undefined;
  /** It is left where it stands: its delivery goes as the reason for that says. */
  suspended(why: Suspension): Promise<Result> | Result;
  /** Its effect is on the log: it is done. */
  acknowledge(result: Result): Promise<Result> | Result;
  /** Its delivery comes again after a while, or when it is canceled. */
  putOff(delayMs: number): void;
  /** Let it be delivered again, to anyone, after a while. */
  giveBack(delayMs: number): Result;
}

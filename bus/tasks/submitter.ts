// Submitting tasks. The server's acknowledgement is the acceptance (R1): from then on the task ends exactly
// once, whatever dies.
import { toMs, type Duration } from "../../protocol/duration.js";
import { TroupeError } from "../../protocol/errors.js";
import { encodeHeaders, type ContentType } from "../../protocol/headers.js";
import { newId } from "../../protocol/ids.js";
import {
  defaultLevel,
  isLevel,
  levels,
  type Level,
} from "../../protocol/levels.js";
import { defaultLane } from "../../protocol/subjects.js";
import { encodeToken } from "../../protocol/tokens.js";
import type { Outcome } from "../../protocol/task-events.js";
import {
  taskBody,
  taskHeaders,
  type TaskSpec,
} from "../../protocol/task-message.js";
import type { Link } from "../connection/connection.js";
import type { LaneChoice } from "../lanes/choice.js";
import { endOf } from "../history/history.js";
import type { Outcomes, WaitOptions } from "./outcomes.js";
import type { Stored } from "../streams/acknowledgement.js";
import { checkSize, type Publisher } from "../streams/publisher.js";
import type { Queues } from "../streams/queues.js";
import { contextKey } from "./context-key.js";
import type { InputCheck } from "./input-check.js";
import {
  checkInput,
  isTyped,
  namesOf,
  type Names,
  type NamedTarget,
} from "./target.js";
import { scheduleOnce } from "./timers.js";
import { endSpan, headersFor, startSpan } from "../connection/trace.js";

export interface SubmitOptions {
  /** Names the task; submitting the same id twice is one task. Default a ULID. */
  id?: string;
  /** Default normal. Tasks with a key have none: their order counts more. */
  priority?: Level;
  /** Tasks of an agent with the same key are handled one at a time and in order. */
  key?: string;
  /** Handle it no sooner. */
  delay?: Duration;
  /** Fail it when it has not ended by then. */
  deadline?: Duration | Date;
  /** The A2A context: tasks that belong together. */
  context?: string;
  /** Which version of the agent, when two run side by side. Default main, or as its lanes are split. */
  lane?: string;
  /** The format of the message and of its events. Default msgpack. */
  format?: ContentType;
}

/** What routing adds. */
export interface Routed {
  /** Why it goes there, for its history. */
  route?: string;
  /** The skills that it has fallen back from, for it not to come back to them. */
  fallbackOf?: string;
  /** The task that calls it, as its header says it. */
  parent?: string;
  /** The task whose journal it begins with, as its header says it. */
  forkOf?: string;
  /** The id cannot have been submitted before. */
  isNew?: boolean;
}

/** What a schedule adds. */
export interface Scheduled {
  /** Its queue was made when it was scheduled; who fires need not have the permission to look. */
  hasQueue?: boolean;
}

export interface CallOptions extends SubmitOptions {
  /** How long to wait for the end. Default 1m; the task itself goes on. */
  timeout?: Duration;
}

/** What a dead letter adds to the headers of its task: room for it is kept, so that the input is never lost. */
const deathBytes = 2_048;

export const defaultWaitMs = 60_000;

interface Submitted {
  spec: TaskSpec;
  stored: Stored;
}

export class Submitter {
  readonly #link: Link;
  readonly #publisher: Publisher;
  readonly #outcomes: Outcomes;
  readonly #inputCheck: InputCheck;
  readonly #queues: Queues;
  readonly #lanes: LaneChoice;

  constructor(
    link: Link,
    publisher: Publisher,
    outcomes: Outcomes,
    inputCheck: InputCheck,
    queues: Queues,
    lanes: LaneChoice,
  ) {
    this.#lanes = lanes;
    this.#link = link;
    this.#queues = queues;
    this.#publisher = publisher;
    this.#outcomes = outcomes;
    this.#inputCheck = inputCheck;
  }

  /** Throws what a submit would refuse. */
  async check(
    { agent, skill, lane = defaultLane }: Names & { lane?: string | undefined },
    input: unknown,
  ): Promise<void> {
    await this.#inputCheck.check({ agent, skill, lane }, input);
  }

  /** Refuses what a submit would refuse, and answers with the task that it would send. Its queue is there then. */
  async draft(
    target: NamedTarget,
    input: unknown,
    options: SubmitOptions,
  ): Promise<{ spec: TaskSpec; stateful: boolean }> {
    const names = namesOf(target);
    const taskId = options.id ?? newId();
    const stateful = await this.#check(target, names, input, taskId, options);
    const spec = this.#toSpec(names, input, taskId, options, stateful);
    const bytes = encodeHeaders(taskHeaders(spec)).length;
    const size = bytes + taskBody(spec).length + deathBytes;
    checkSize(this.#link, subjectFor(this.#link, spec), size);
    await this.#queues.ensure(spec.agent);
    return { spec, stateful };
  }

  /** Resolves when the server has stored the task. `fallbackOf` names the skills that it has fallen back from. */
  async submit(
    target: NamedTarget,
    input: unknown,
    options: SubmitOptions & Routed & Scheduled = {},
  ): Promise<Submitted> {
    const names = namesOf(target);
    const asking = this.#lanes.know(names.agent, options);
    if (asking) await asking;
    const taskId = options.id ?? newId();
    const stateful = await this.#check(target, names, input, taskId, options);
    const spec = this.#toSpec(names, input, taskId, options, stateful);
    if (options.hasQueue !== true) await this.#queues.ensure(spec.agent);
    this.#outcomes.hearOwn();
    if (options.id !== undefined && options.lane === undefined)
      await this.#lanes.stay(spec);
    if (
      options.id !== undefined &&
      (await endOf(this.#link, spec.taskId, spec.agent))
    ) {
      return { spec, stored: { stream: "", sequence: 0, duplicate: true } };
    }
    return { spec, stored: await this.#publish(spec, options) };
  }

  /** Submits and waits for the end; the wait does not wait for the acceptance. */
  async call(
    target: NamedTarget,
    input: unknown,
    options: CallOptions & Routed = {},
  ): Promise<unknown> {
    const names = namesOf(target);
    const asking = this.#lanes.know(names.agent, options);
    if (asking) await asking;
    const taskId = options.id ?? newId();
    const check = this.#check(target, names, input, taskId, options);
    const stateful = typeof check === "boolean" ? check : await check;
    const timeoutMs = toMs(options.timeout ?? defaultWaitMs, "timeout");
    const spec = this.#toSpec(names, input, taskId, options, stateful);
    const queue = this.#queues.ensure(spec.agent);
    if (queue) await queue;
    if (options.id !== undefined && options.lane === undefined)
      await this.#lanes.stay(spec);
    return new Promise((resolve, reject) => {
      const settle = (
        error: TroupeError | undefined,
        outcome: Outcome | undefined,
      ) => {
        if (error) reject(error);
        else if (outcome?.state === "completed") resolve(outcome.output);
        else reject(outcome!.error);
      };
      const { agent, skill } = spec;
      const what = `${agent}.${skill} (task "${taskId}")`;
      const wait = this.#outcomes.expect({
        taskId,
        agent,
        what,
        timeoutMs,
        settle,
      });
      const done = (
        error: TroupeError | undefined,
        stored: Stored | undefined,
      ) => {
        if (stored?.duplicate === true) this.#outcomes.joinEarlier(wait);
        if (!error) return;
        this.#outcomes.cancel(wait);
        reject(error);
      };
      if (options.id !== undefined) this.#outcomes.joinEarlier(wait);
      try {
        this.#send(spec, options, done);
      } catch (error) {
        done(error as TroupeError, undefined);
      }
    });
  }

  /**
   * Submits, and calls `settle` when it has ended. Resolves when it is accepted, with how to hear no more of it.
   * Submitted again with the same id it is the same task.
   */
  async start(
    target: NamedTarget,
    input: unknown,
    options: SubmitOptions & Routed & { id: string },
    settle: WaitOptions["settle"],
  ): Promise<() => void> {
    const names = namesOf(target);
    const { id: taskId, isNew = false } = options;
    const asking = this.#lanes.know(names.agent, options);
    if (asking) await asking;
    const stateful = await this.#check(target, names, input, taskId, options);
    const spec = this.#toSpec(names, input, taskId, options, stateful);
    const { agent, skill } = spec;
    await this.#queues.ensure(agent);
    if (!isNew && options.lane === undefined) await this.#lanes.stay(spec);
    const wait = this.#outcomes.expect({
      taskId,
      agent,
      what: `${agent}.${skill} (task "${taskId}")`,
      timeoutMs: Number.POSITIVE_INFINITY,
      settle,
    });
    try {
      if (!isNew) this.#outcomes.joinEarlier(wait);
      const { duplicate } = await this.#publish(spec, options);
      if (duplicate) this.#outcomes.joinEarlier(wait);
    } catch (error) {
      this.#outcomes.cancel(wait);
      throw error;
    }
    return () => this.#outcomes.cancel(wait);
  }

  /** Whether its agent is stateful. A typed skill checks by its own schema, without a look at the registry. */
  #check(
    target: NamedTarget,
    { agent, skill }: Names,
    input: unknown,
    taskId: string,
    { lane, key, context }: SubmitOptions,
  ): Promise<boolean> | boolean {
    if (!isTyped(target)) {
      const choice = { taskId, key, context };
      const by = lane ?? this.#lanes.choose(agent, choice).handledIn;
      return this.#inputCheck.check({ agent, skill, lane: by }, input);
    }
    const stateful = target.stateful === true;
    const checking = checkInput(target, input);
    return checking ? checking.then(() => stateful) : stateful;
  }

  #toSpec(
    { agent, skill }: Names,
    input: unknown,
    taskId: string,
    options: SubmitOptions & Routed,
    stateful: boolean,
  ): TaskSpec {
    if (options.id !== undefined) encodeToken(options.id, "task id");
    const spec: TaskSpec = {
      taskId,
      idGiven: options.id !== undefined && options.isNew !== true,
      agent,
      skill,
      input,
      lane: options.lane ?? defaultLane,
      level: levelOf(options.priority),
      origin: this.#link.origin,
      contentType: options.format ?? "msgpack",
      context: options.context,
      key: stateful ? contextKey(agent, options) : options.key,
      route: options.route,
      fallbackOf: options.fallbackOf,
      parent: options.parent,
      forkOf: options.forkOf,
      deadlineAt: this.#deadlineAt(options.deadline),
    };
    if (options.lane === undefined)
      spec.lane = this.#lanes.choose(agent, spec).lane;
    return spec;
  }

  #deadlineAt(deadline: Duration | Date | undefined): number | undefined {
    if (deadline === undefined) return undefined;
    const inMs =
      deadline instanceof Date
        ? deadline.getTime() - Date.now()
        : toMs(deadline, "deadline");
    return this.#link.clock.now() + inMs;
  }

  #publish(spec: TaskSpec, options: SubmitOptions): Promise<Stored> {
    return new Promise((resolve, reject) => {
      this.#send(spec, options, (error, stored) =>
        stored ? resolve(stored) : reject(error!),
      );
    });
  }

  #send(
    spec: TaskSpec,
    options: SubmitOptions,
    done: (error: TroupeError | undefined, stored: Stored | undefined) => void,
  ): void {
    const span = startSpan("submit", spec);
    const headers = taskHeaders(spec);
    if (span) Object.assign(headers, headersFor(span));
    const finish: typeof done = (error, stored) => {
      endSpan(span, error);
      done(error, stored);
    };
    const body = taskBody(spec);
    const target = subjectFor(this.#link, spec);
    const block = encodeHeaders(headers);
    checkSize(this.#link, target, block.length + body.length + deathBytes);
    if (options.delay === undefined)
      return void this.#publisher.publish(target, block, body, finish);
    const dueAt = this.#link.clock.now() + toMs(options.delay, "delay");
    scheduleOnce(this.#link, this.#publisher, {
      taskId: spec.taskId,
      agent: spec.agent,
      dueAt,
      target,
      headers,
      body,
    }).then(
      (stored) => finish(undefined, stored),
      (error: TroupeError) => finish(error, undefined),
    );
  }
}

export function subjectFor(link: Link, spec: TaskSpec): string {
  if (spec.key === undefined) return link.subjects.task(spec);
  return link.subjects.keyed({ ...spec, key: spec.key });
}

function levelOf(priority: Level | undefined): Level {
  if (priority === undefined) return defaultLevel;
  if (isLevel(priority)) return priority;
  throw new TroupeError(
    "ARGUMENT_INVALID",
    `priority "${String(priority)}" is none: use "${levels.join('", "')}"`,
  );
}

// What becomes of a target, an input and options before a task is sent: it is refused, or it is a task whose input
// fits, whose lane is chosen and whose queue is there.
//
// Where nothing has to be asked for no promise is made: a typed skill checks by its own schema, and what was asked
// for once is known.
import { toMs, type Duration } from "../../protocol/duration.js";
import { TroupeError } from "../../protocol/errors.js";
import { encodeHeaders } from "../../protocol/headers.js";
import { newId } from "../../protocol/ids.js";
import {
  defaultLevel,
  isLevel,
  levels,
  type Level,
} from "../../protocol/levels.js";
import { defaultLane } from "../../protocol/subjects.js";
import { encodeToken } from "../../protocol/tokens.js";
import {
  taskBody,
  taskHeaders,
  type TaskSpec,
} from "../../protocol/task-message.js";
import type { Link } from "../connection/connection.js";
import type { LaneChoice } from "../lanes/choice.js";
import { checkSize } from "../streams/publisher.js";
import type { Queues } from "../streams/queues.js";
import { contextKey } from "./context-key.js";
import type { InputCheck } from "./input-check.js";
import type { Routed, Scheduled, SubmitOptions } from "./submit-options.js";
import {
  checkInput,
  isTyped,
  namesOf,
  type Names,
  type NamedTarget,
} from "./target.js";

/** What a dead letter adds to the headers of its task: room for it is kept, so that the input is never lost. */
const deathBytes = 2_048;

export class Drafting {
  readonly #link: Link;
  readonly #inputCheck: InputCheck;
  readonly #queues: Queues;
  readonly #lanes: LaneChoice;

  constructor(
    link: Link,
    inputCheck: InputCheck,
    queues: Queues,
    lanes: LaneChoice,
  ) {
    this.#link = link;
    this.#inputCheck = inputCheck;
    this.#queues = queues;
    this.#lanes = lanes;
  }

  /** Throws where the input does not fit what the agent's card says. */
  async check(
    { agent, skill, lane = defaultLane }: Names & { lane?: string | undefined },
    input: unknown,
  ): Promise<void> {
    await this.#inputCheck.check({ agent, skill, lane }, input);
  }

  /** The task as it would be sent now, for who sends it later. */
  async draft(
    target: NamedTarget,
    input: unknown,
    options: SubmitOptions,
  ): Promise<{ spec: TaskSpec; stateful: boolean }> {
    const names = namesOf(target);
    const taskId = options.id ?? newId();
    const stateful = await this.#check(target, names, input, taskId, options);
    const spec = this.#toSpec(names, input, taskId, options, stateful);
    checkTaskSize(
      this.#link,
      subjectFor(this.#link, spec),
      encodeHeaders(taskHeaders(spec)),
      taskBody(spec),
    );
    await this.#queues.ensure(spec.agent);
    return { spec, stateful };
  }

  /** The task, ready to be sent. */
  prepare(
    target: NamedTarget,
    input: unknown,
    options: SubmitOptions & Routed & Scheduled,
  ): Promise<TaskSpec> | TaskSpec {
    const names = namesOf(target);
    const asking = this.#lanes.know(names.agent, options);
    return asking
      ? asking.then(() => this.#prepare(target, names, input, options))
      : this.#prepare(target, names, input, options);
  }

  #prepare(
    target: NamedTarget,
    names: Names,
    input: unknown,
    options: SubmitOptions & Routed & Scheduled,
  ): Promise<TaskSpec> | TaskSpec {
    const taskId = options.id ?? newId();
    const check = this.#check(target, names, input, taskId, options);
    const finish = (stateful: boolean) =>
      this.#place(
        this.#toSpec(names, input, taskId, options, stateful),
        options,
      );
    return typeof check === "boolean" ? finish(check) : check.then(finish);
  }

  /** A task that may have been submitted before stays in the lane that it went to then. */
  #place(
    spec: TaskSpec,
    { lane, hasQueue = false }: SubmitOptions & Scheduled,
  ): Promise<TaskSpec> | TaskSpec {
    const queue = hasQueue ? undefined : this.#queues.ensure(spec.agent);
    const stays = spec.idGiven && lane === undefined;
    if (!queue && !stays) return spec;
    const placed = async () => {
      await queue;
      if (stays) await this.#lanes.stay(spec);
      return spec;
    };
    return placed();
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
      depth: options.depth,
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
}

export function subjectFor(link: Link, spec: TaskSpec): string {
  if (spec.key === undefined) return link.subjects.task(spec);
  return link.subjects.keyed({ ...spec, key: spec.key });
}

/** Throws PAYLOAD_TOO_LARGE. */
export function checkTaskSize(
  link: Link,
  subject: string,
  headers: Uint8Array,
  body: Uint8Array,
): void {
  checkSize(link, subject, headers.length + body.length + deathBytes);
}

function levelOf(priority: Level | undefined): Level {
  if (priority === undefined) return defaultLevel;
  if (isLevel(priority)) return priority;
  throw new TroupeError(
    "ARGUMENT_INVALID",
    `priority "${String(priority)}" is none: use "${levels.join('", "')}"`,
  );
}

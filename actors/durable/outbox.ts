// Sends what an actor's record says is to be sent. Every effect has an id of its own, by which the log, a queue or a
// worker knows that it was there before, so the whole outbox may be sent any number of times, by anyone, late:
//
// - an emitted event has a subject of its own on the log, which takes one message;
// - a call and a timer are tasks with ids that follow from the message that caused them. Their queue takes one
//   message a task, and a worker that gets one again finds its end on the log;
// - a cancel of what has ended is nothing.
//
// A call that its own agent would refuse becomes an end on the log: the machine hears of it as of any other end.
import { createHash } from "node:crypto";
import { cancelUnneeded } from "../../bus/tasks/cancel.js";
import type { Link } from "../../bus/connection/connection.js";
import { storeEmitted } from "../../bus/history/emitted.js";
import { contextKey } from "../../bus/tasks/context-key.js";
import type { LaneChoice } from "../../bus/lanes/choice.js";
import type { InputCheck } from "../../bus/tasks/input-check.js";
import type { Publisher } from "../../bus/streams/publisher.js";
import type { Queues } from "../../bus/streams/queues.js";
import type { Recorder } from "../../bus/tasks/recorder.js";
import { subjectFor } from "../../bus/tasks/drafting.js";
import { scheduleOnce } from "../../bus/tasks/timers.js";
import { isErrorCode, TroupeError } from "../../protocol/errors.js";
import { encodeHeaders } from "../../protocol/headers.js";
import { defaultLevel } from "../../protocol/levels.js";
import { defaultLane, noOrigin } from "../../protocol/subjects.js";
import {
  taskBody,
  taskHeaders,
  type TaskSpec,
} from "../../protocol/task-message.js";
import type { Call, Cancellation, Effect, TimerStart } from "./effects.js";

/** The skills of a stateful agent that only its own host uses. */
export const hostSkills = {
  timer: "troupe.timer",
  settled: "troupe.settled",
  resume: "troupe.resume",
} as const;

export interface OutboxHost {
  link: Link;
  publisher: Publisher;
  recorder: Recorder;
  inputCheck: InputCheck;
  queues: Queues;
  lanes: LaneChoice;
  /** Whose actors send. */
  agent: string;
  instance: string;
}

/** Where a context's messages stand. Not the lane of the instance: a lane may be given a part of another's queue. */
export interface ContextPlace {
  agent: string;
  lane: string;
  context: string;
}

/** Whom the ends of the calls are told to that an agent's machines make; see actors/durable/call-ends.ts. */
export function originOfCalls(agent: string, lane: string): string {
  const hash = createHash("sha256").update(`${lane}/${agent}`).digest("hex");
  return `calls-${hash.slice(0, 16)}`;
}

export class Outbox {
  readonly #host: OutboxHost;
  /** By the message that causes it. */
  readonly #underWay = new Map<string, Promise<void>>();

  constructor(host: OutboxHost) {
    this.#host = host;
  }

  /** Sends without waiting; `sent` tells when it is done. */
  begin(place: ContextPlace, task: string, effects: readonly Effect[]): void {
    if (effects.length === 0) return;
    const sending = this.send(place, task, effects);
    this.#underWay.set(task, sending);
    sending.then(
      () => this.#underWay.delete(task),
      () => undefined, // whoever is about to acknowledge must hear of it
    );
  }

  /** Until what it caused is on the bus; nothing to wait for in most cases. Throws when it could not be sent. */
  sent(task: string): Promise<void> | undefined {
    return this.#underWay.get(task)?.finally(() => this.#underWay.delete(task));
  }

  /** Resolves when all of it is on the bus. Emitted events are under way, in order, when this returns. */
  async send(
    place: ContextPlace,
    task: string,
    effects: readonly Effect[],
  ): Promise<void> {
    await Promise.all(
      effects.map((effect) => this.#sendOne(place, task, effect)),
    );
  }

  #sendOne(place: ContextPlace, task: string, effect: Effect): Promise<void> {
    const { link, publisher, instance } = this.#host;
    const { agent, context } = place;
    switch (effect.kind) {
      case "emit": {
        const { index, event } = effect;
        const address = { agent, context, type: event.type, taskId: task };
        return storeEmitted(
          publisher,
          link,
          { ...address, index },
          event,
          instance,
        );
      }
      case "call":
        return this.#call(place, effect);
      case "cancel":
        return this.#cancel(place, effect);
      case "timer":
        return this.#startTimer(place, effect);
      case "forget":
        return this.#forget(effect.task);
    }
  }

  async #call(place: ContextPlace, call: Call): Promise<void> {
    const { inputCheck, queues, publisher, link } = this.#host;
    const { agent, skill, input, checked, lane = defaultLane } = call;
    const spec = toSpec(place, call);
    try {
      if (call.refused) throw refusal(call.refused);
      const stateful = checked
        ? call.stateful
        : await inputCheck.check({ agent, skill, lane }, input);
      if (stateful) spec.key = contextKey(agent, spec);
      if (call.lane === undefined) await this.#chooseLane(spec);
      await queues.ensure(agent);
      await publisher.store(
        subjectFor(link, spec),
        encodeHeaders(taskHeaders(spec)),
        taskBody(spec),
      );
    } catch (error) {
      if (!(error instanceof TroupeError) || error.retryable) throw error;
      await this.#refused(spec, error);
    }
  }

  /** As for any task; one that was sent before stays where it is. */
  async #chooseLane(spec: TaskSpec): Promise<void> {
    const { lanes } = this.#host;
    await lanes.know(spec.agent, {});
    spec.lane = lanes.choose(spec.agent, spec).lane;
    await lanes.stay(spec);
  }

  /** It cannot become a task; it ends all the same. */
  async #refused(spec: TaskSpec, error: TroupeError): Promise<void> {
    const { taskId, agent, origin, contentType, context, skill, input } = spec;
    const params = { name: skill, arguments: input };
    await this.#host.recorder.ended(
      { agent, taskId, origin, params },
      "failed",
      error,
      { contentType, attempt: 0, sender: this.#host.instance, context },
    );
  }

  async #cancel(
    { agent, context }: ContextPlace,
    call: Cancellation,
  ): Promise<void> {
    const { task: id, agent: called } = call;
    const reason = `context "${context}" of agent "${agent}" left the state that called it`;
    await cancelUnneeded(this.#host, { id, agent: called }, reason);
  }

  async #startTimer(
    place: ContextPlace,
    { task, dueAt }: TimerStart,
  ): Promise<void> {
    const { link, publisher } = this.#host;
    const { agent, lane, context } = place;
    const spec = ownMessage(place, task, hostSkills.timer, {});
    await scheduleOnce(link, publisher, {
      taskId: task,
      agent,
      dueAt,
      target: link.subjects.keyed({ agent, lane, key: context, taskId: task }),
      headers: { ...taskHeaders(spec), messageId: undefined },
      body: taskBody(spec),
    });
  }

  /** Without waiting: what is left behind falls due, and is ignored then. */
  async #forget(taskId: string): Promise<void> {
    const { link, agent } = this.#host;
    const filter = link.subjects.timer({ agent, taskId });
    link.send(
      `$JS.API.STREAM.PURGE.${link.subjects.streams.timers}`,
      Buffer.from(JSON.stringify({ filter })),
    );
  }
}

function toSpec(caller: ContextPlace, call: Call): TaskSpec {
  const { task, agent, skill, input, lane, level, context, key, route } = call;
  return {
    taskId: task,
    idGiven: true,
    agent,
    skill,
    input,
    lane: lane ?? defaultLane,
    level: level ?? defaultLevel,
    origin: originOfCalls(caller.agent, caller.lane),
    contentType: "msgpack",
    context: context ?? caller.context,
    key,
    route,
    deadlineAt: call.deadlineAt,
  };
}

function refusal({ code, message }: NonNullable<Call["refused"]>): TroupeError {
  const known = isErrorCode(code) ? code : "NO_CANDIDATE";
  return new TroupeError(known, message, { retryable: false });
}

/** A message of a context to itself. */
export function ownMessage(
  { agent, lane, context }: ContextPlace,
  taskId: string,
  skill: string,
  input: unknown,
): TaskSpec {
  return {
    taskId,
    idGiven: true,
    agent,
    skill,
    lane,
    level: defaultLevel,
    input,
    origin: noOrigin,
    contentType: "msgpack",
    context,
    key: context,
  };
}

// A task as it was delivered: what it is called and says of itself, and how its delivery is answered. What becomes of
// it is told by workers/execution.ts.
import type { Delivery } from "../bus/delivery/delivery.js";
import { firstAttempt, type Recollection } from "../bus/delivery/recall.js";
import type { Logger } from "../bus/connection/log.js";
import { traceIdOf } from "../bus/connection/trace.js";
import type { Subject } from "../bus/tasks/recorder.js";
import type { TaskAddress } from "../protocol/addresses.js";
import { encodeHeaders } from "../protocol/headers.js";
import type { Level } from "../protocol/levels.js";
import {
  progressBody,
  type EventFacts,
} from "../protocol/task-event-bodies.js";
import {
  addressOf,
  contentTypeOf,
  isNamed,
  originOf,
  parentOf,
  type ParsedTask,
} from "../protocol/task-message.js";
import type { ExecutionHost, Result } from "./assignment.js";
import { momentMs } from "./steps/waits.js";
import type { ProgressReport, TaskFacts } from "./task-context.js";

const roomForHeaders = 4_096;
const longestMessage = 1_000;

export class DeliveredTask implements TaskFacts {
  readonly host: ExecutionHost;
  readonly address: TaskAddress;
  readonly subject: Subject;
  readonly durable = true;
  /** The newest delivery of the task: when it was redelivered to us while we work, that one is answered. */
  delivery: Delivery;
  past: Recollection = firstAttempt;
  parsed: ParsedTask | undefined;
  /** 0 until its handler runs. */
  protected begunAt = 0;

  constructor(host: ExecutionHost, delivery: Delivery) {
    this.host = host;
    this.delivery = delivery;
    this.address = addressOf(delivery.subject);
    this.subject = {
      agent: host.agent,
      taskId: this.address.taskId,
      origin: originOf(delivery.headers),
      isNamed: isNamed(delivery.headers),
      params: undefined,
      parent: parentOf(delivery.headers),
    };
  }

  /** The same task came again while it is in hand here: its older delivery has expired. */
  redelivered(delivery: Delivery): void {
    this.delivery = delivery;
  }

  keepAlive(): void {
    this.delivery.keepAlive();
  }

  acknowledge(result: Result): Promise<Result> | Result {
    this.delivery.acknowledge();
    return result;
  }

  giveBack(delayMs: number): Result {
    this.putOff(delayMs);
    return "returned";
  }

  putOff(delayMs: number): void {
    this.delivery.retryIn(delayMs);
    if (delayMs > momentMs)
      this.host.putOff.add(this.id, this.delivery.hastener(), delayMs);
  }

  /** What its events say of it, beside their subject. */
  facts(): EventFacts {
    const { headers, body } = this.delivery;
    return {
      contentType: contentTypeOf(headers, body),
      attempt: this.past.attempt,
      sender: this.host.instance,
      context: headers.context,
      route: headers.route,
      traceparent: headers.traceparent,
      skill: this.skill,
      lane: this.host.lane,
      level: this.address.level,
      tookMs: this.begunAt && performance.now() - this.begunAt,
    };
  }

  get input(): unknown {
    return this.parsed?.input;
  }

  deadlineInMs(): number {
    const { deadline } = this;
    return deadline === undefined
      ? Number.POSITIVE_INFINITY
      : deadline.getTime() - this.host.link.clock.now();
  }

  protected get names() {
    return { agent: this.agent, skill: this.skill, taskId: this.id };
  }

  // What the handler is told of its task.

  get id(): string {
    return this.address.taskId;
  }

  get agent(): string {
    return this.host.agent;
  }

  get skill(): string {
    return this.parsed?.skill ?? this.address.skill;
  }

  get attempt(): number {
    return this.past.attempt;
  }

  get level(): Level {
    return this.address.level;
  }

  get context(): string | undefined {
    return this.delivery.headers.context;
  }

  get key(): string | undefined {
    return this.delivery.headers.key;
  }

  get deadline(): Date | undefined {
    const { deadline } = this.delivery.headers;
    if (deadline === undefined) return undefined;
    const at = new Date(Number(deadline));
    return Number.isNaN(at.getTime()) ? undefined : at; // a bare client's own
  }

  // What the handler's context does for it.

  makeLog(): Logger {
    const { link, instance } = this.host;
    return link.log.child({
      task: this.id,
      agent: this.agent,
      skill: this.skill,
      instance,
      trace: traceIdOf(this.delivery.headers),
    });
  }

  sendProgress(progress: ProgressReport): void {
    const { link, instance } = this.host;
    const { contentType } = this.facts();
    const headers = encodeHeaders({
      type: "task.progress",
      sender: instance,
      attempt: String(this.attempt),
    });
    const subject = link.subjects.live(this.agent, this.id);
    const body = progressBody(this.id, progress, contentType);
    if (body.length + roomForHeaders <= link.maxPayload)
      return link.send(subject, body, headers);
    // It is only told: its task does not fail of that.
    const { data: _large, message = "", ...rest } = progress;
    const short = { ...rest, message: message.slice(0, longestMessage) };
    link.send(subject, progressBody(this.id, short, contentType), headers);
  }
}

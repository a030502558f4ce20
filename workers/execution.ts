// One delivery of a task, from its arrival to its acknowledgement:
//   recall → attempt → record → acknowledge.
//
// 1. R3: `acknowledge` comes only after what the delivery caused is on the log. If the log cannot be written,
//    the delivery goes back, and the next one finds what is there.
// 2. R2: the recorder stores a terminal event only as the first. A later one is dropped here and counted.
// 3. R7: what cannot be parsed fails like anything else: dead letter first, then the terminal event.
import { SpanStatusCode, type Span } from "@opentelemetry/api";
import type { Link } from "../bus/connection.js";
import type { Delivery } from "../bus/delivery/delivery.js";
import {
  firstAttempt,
  recollect,
  type Recollection,
} from "../bus/delivery/recall.js";
import { backoffMs, mayRetry, retryRules } from "../bus/delivery/retry.js";
import { eventsOf } from "../bus/history.js";
import type { Publisher } from "../bus/publisher.js";
import type { Recorder, Subject } from "../bus/recorder.js";
import { schedule } from "../bus/timers.js";
import {
  contextFrom,
  endSpan,
  startSpan,
  traceIdOf,
  within,
} from "../bus/trace.js";
import { messageOf, TroupeError } from "../protocol/errors.js";
import { encodeHeaders } from "../protocol/headers.js";
import type { Progress } from "../protocol/mcp.js";
import { progressBody, type EventFacts } from "../protocol/task-events.js";
import {
  addressOf,
  contentTypeOf,
  originOf,
  parseTaskBody,
  type ParsedTask,
} from "../protocol/task-message.js";
import { perform, type SkillRunner } from "./skill-runner.js";
import { HandlerContext } from "./task-context.js";
import type { KeptAlive, Watch } from "./watch.js";

export interface ExecutionHost {
  readonly link: Link;
  readonly publisher: Publisher;
  readonly recorder: Recorder;
  readonly watch: Watch;
  readonly runners: ReadonlyMap<string, SkillRunner>;
  readonly agent: string;
  readonly instance: string;
}

export type Result = "completed" | "failed" | "retried" | "late" | "returned";

type Outcome =
  { ok: true; output: unknown } | { ok: false; error: TroupeError };

/** A retry further away than this is left to a timer, so that it holds no place among the deliveries. */
const longestNakMs = 60_000;
const troubleDelayMs = 1_000;

export class Execution implements KeptAlive {
  keepAliveAt = 0;
  readonly taskId: string;
  readonly #host: ExecutionHost;
  readonly #subject: Subject;
  readonly #address: ReturnType<typeof addressOf>;
  /** The newest delivery of the task: when it was redelivered to us while we work, that one is answered. */
  #delivery: Delivery;
  #context: HandlerContext | undefined;
  #parsed: ParsedTask | undefined;
  #canceled: TroupeError | undefined;

  constructor(host: ExecutionHost, delivery: Delivery) {
    this.#host = host;
    this.#delivery = delivery;
    this.#address = addressOf(delivery.subject);
    this.taskId = this.#address.taskId;
    this.#subject = {
      agent: host.agent,
      taskId: this.taskId,
      origin: originOf(delivery.headers),
      params: undefined,
    };
  }

  async run(): Promise<Result> {
    this.#host.watch.keep(this);
    try {
      const past = await this.#recall();
      if (past.ended) return this.#acknowledge("late");
      return await this.#record(await this.#attempt(past), past);
    } catch (trouble) {
      this.#host.link.log.warn(
        { task: this.taskId, error: messageOf(trouble) },
        "the log could not be written; the task goes back",
      );
      this.#delivery.retryIn(troubleDelayMs);
      return "returned";
    } finally {
      this.#host.watch.release(this);
    }
  }

  /** The same task came again while it is in hand here: its older delivery has expired. */
  redelivered(delivery: Delivery): void {
    this.#delivery = delivery;
  }

  keepAlive(): void {
    this.#delivery.keepAlive();
  }

  cancel(error: TroupeError): void {
    this.#canceled = error;
    this.#host.watch.stop(this.#context, error);
  }

  async #recall(): Promise<Recollection> {
    const { headers, count } = this.#delivery;
    if (count === 1 && headers.attempt === undefined) return firstAttempt;
    return recollect(
      await eventsOf(this.#host.link, this.taskId, this.#host.agent),
    );
  }

  /** Never throws but for trouble with the log. */
  async #attempt(past: Recollection): Promise<Outcome> {
    const { headers } = this.#delivery;
    const names = {
      agent: this.#host.agent,
      skill: this.#address.skill,
      taskId: this.taskId,
    };
    const parent = contextFrom(headers);
    const span = startSpan("deliver", names, parent);
    let prepared: { parsed: ParsedTask; runner: SkillRunner };
    try {
      prepared = this.#prepare(past);
    } catch (error) {
      endSpan(span, error);
      return { ok: false, error: error as TroupeError };
    }
    if (past !== firstAttempt)
      await this.#host.recorder.started(this.#subject, this.#facts(past));
    const outcome = await within(span, parent, () =>
      this.#handle(prepared, past),
    );
    endSpan(span, outcome.ok ? undefined : outcome.error);
    return outcome;
  }

  /** Throws what makes the task fail before its handler is called. */
  #prepare(past: Recollection): { parsed: ParsedTask; runner: SkillRunner } {
    const parsed = parseTaskBody(
      this.#delivery.subject,
      this.#delivery.headers,
      this.#delivery.body,
    );
    this.#parsed = parsed;
    this.#subject.params = parsed.params;
    const runner = this.#host.runners.get(parsed.skill);
    if (!runner) throw unknownSkill(this.#host, parsed.skill);
    if (past.crashes >= runner.rules.crashes)
      throw workerLost(this.#host.agent, parsed, past);
    const left = this.#deadlineInMs();
    if (left <= 0) {
      throw new TroupeError(
        "DEADLINE_PASSED",
        `the deadline of task "${this.taskId}" passed ${Math.round(-left)} ms before an instance of "${this.#host.agent}" took it up`,
      );
    }
    return { parsed, runner };
  }

  async #handle(
    { parsed, runner }: { parsed: ParsedTask; runner: SkillRunner },
    past: Recollection,
  ): Promise<Outcome> {
    const span = startSpan("handle", parsed);
    const context = this.#toContext(parsed, past);
    this.#context = context;
    try {
      if (this.#canceled) throw this.#canceled;
      const output = await perform(
        runner,
        this.#host.watch,
        context,
        parsed.input,
        this.#deadlineInMs(),
      );
      endSpan(span);
      return { ok: true, output };
    } catch (error) {
      endSpan(span, error);
      return { ok: false, error: error as TroupeError };
    }
  }

  #toContext(parsed: ParsedTask, past: Recollection): HandlerContext {
    const { headers } = this.#delivery;
    const { link, agent, instance } = this.#host;
    const { taskId, skill, level, contentType } = parsed;
    const deadline =
      headers.deadline === undefined
        ? undefined
        : new Date(Number(headers.deadline));
    const facts = {
      id: taskId,
      agent,
      skill,
      attempt: past.attempt,
      level,
      context: headers.context,
      key: headers.key,
      deadline,
      durable: true,
    };
    return new HandlerContext(facts, {
      log: () =>
        link.log.child({
          task: taskId,
          agent,
          skill,
          instance,
          trace: traceIdOf(headers),
        }),
      sendProgress: (progress: Progress & { data?: unknown }) =>
        link.send(
          link.subjects.live(agent, taskId),
          progressBody(taskId, progress, contentType),
          encodeHeaders({
            type: "task.progress",
            sender: instance,
            attempt: String(past.attempt),
          }),
        ),
    });
  }

  async #record(outcome: Outcome, past: Recollection): Promise<Result> {
    if (!outcome.ok) return this.#recordFailure(outcome.error, past);
    try {
      const first = await this.#host.recorder.completed(
        this.#subject,
        outcome.output,
        this.#facts(past),
      );
      return this.#acknowledge(first ? "completed" : "late");
    } catch (error) {
      if (error instanceof TroupeError && error.code === "PAYLOAD_TOO_LARGE")
        return this.#recordFailure(error, past);
      throw error;
    }
  }

  #recordFailure(error: TroupeError, past: Recollection): Promise<Result> {
    if (error.code === "WORKER_STOPPING")
      return Promise.resolve(this.#giveBack());
    if (error.code === "TASK_CANCELED")
      return this.#end("canceled", error, past);
    if (error.code === "TASK_REJECTED")
      return this.#end("rejected", error, past);
    const rules =
      this.#host.runners.get(this.#parsed?.skill ?? "")?.rules ?? retryRules();
    const failures = past.failures + 1;
    if (mayRetry(rules, error, failures))
      return this.#retry(error, past, backoffMs(rules, failures));
    return this.#bury(
      error.retryable ? exhausted(error, failures) : error,
      past,
    );
  }

  async #retry(
    error: TroupeError,
    past: Recollection,
    delayMs: number,
  ): Promise<Result> {
    const span = this.#failureSpan("retry");
    const { recorder, link, publisher } = this.#host;
    const retryAt = link.clock.now() + delayMs;
    await recorder.attemptFailed(
      this.#subject,
      { error, retryAt },
      this.#facts(past),
    );
    const { subject, headers, body } = this.#delivery;
    const keyed = headers.key !== undefined; // a keyed task keeps its place in the queue (R4)
    if (delayMs <= longestNakMs || keyed) this.#delivery.retryIn(delayMs);
    else {
      const delayed = {
        id: this.taskId,
        dueAt: retryAt,
        target: subject,
        headers: { ...headers, attempt: String(past.attempt) },
        body,
      };
      await schedule(link, publisher, delayed);
      this.#delivery.acknowledge();
    }
    endSpan(span, error);
    return "retried";
  }

  /** Dead letter first, then the terminal event, then the acknowledgement: whatever dies in between, the rest follows. */
  async #bury(error: TroupeError, past: Recollection): Promise<Result> {
    const span = this.#failureSpan("dead-letter");
    const { subject, headers, body } = this.#delivery;
    const { agent, recorder } = this.#host;
    const skill = this.#parsed?.skill ?? this.#address.skill;
    const { attempt, events } = past;
    await recorder.dead({
      subject,
      headers,
      body,
      agent,
      skill,
      taskId: this.taskId,
      error,
      attempt,
      events,
    });
    span.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
    endSpan(span);
    return this.#end("failed", error, past);
  }

  async #end(
    state: "failed" | "canceled" | "rejected",
    error: TroupeError,
    past: Recollection,
  ): Promise<Result> {
    const first = await this.#host.recorder.ended(
      this.#subject,
      state,
      error,
      this.#facts(past),
    );
    return this.#acknowledge(first ? "failed" : "late");
  }

  #giveBack(): Result {
    this.#delivery.retryIn(0);
    return "returned";
  }

  #acknowledge(result: Result): Result {
    this.#delivery.acknowledge();
    return result;
  }

  #deadlineInMs(): number {
    const { deadline } = this.#delivery.headers;
    return deadline === undefined
      ? Number.POSITIVE_INFINITY
      : Number(deadline) - this.#host.link.clock.now();
  }

  #facts(past: Recollection): EventFacts {
    const { headers, body } = this.#delivery;
    return {
      contentType: contentTypeOf(headers, body),
      attempt: past.attempt,
      sender: this.#host.instance,
      context: headers.context,
      traceparent: headers.traceparent,
    };
  }

  #failureSpan(operation: "retry" | "dead-letter"): Span {
    const skill = this.#parsed?.skill ?? this.#address.skill;
    return startSpan(
      operation,
      { agent: this.#host.agent, skill, taskId: this.taskId },
      contextFrom(this.#delivery.headers),
    );
  }
}

function unknownSkill(host: ExecutionHost, skill: string): TroupeError {
  const known = [...host.runners.keys()].join('", "');
  return new TroupeError(
    "SKILL_UNKNOWN",
    `agent "${host.agent}" has no skill "${skill}": it has "${known}"`,
  );
}

function workerLost(
  agent: string,
  task: ParsedTask,
  past: Recollection,
): TroupeError {
  return new TroupeError(
    "WORKER_LOST",
    `${agent}.${task.skill} was started ${past.crashes} times for task "${task.taskId}" and its worker died or vanished each time: see whether it exits, blocks or runs out of memory, then redrive the dead letter`,
  );
}

function exhausted(error: TroupeError, attempts: number): TroupeError {
  if (attempts === 1) return error;
  return new TroupeError(
    "ATTEMPTS_EXHAUSTED",
    `all ${attempts} attempts failed; the last one: ${error.message}`,
    {
      cause: error,
      ...(error.data === undefined ? {} : { data: error.data }),
    },
  );
}

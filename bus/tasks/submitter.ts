// Submitting tasks. The server's acknowledgement is the acceptance (R1): from then on the task ends exactly
// once, whatever dies.
import { toMs } from "../../protocol/duration.js";
import type { TroupeError } from "../../protocol/errors.js";
import { encodeHeaders } from "../../protocol/headers.js";
import {
  taskBody,
  taskHeaders,
  type TaskSpec,
} from "../../protocol/task-message.js";
import type { Link } from "../connection/connection.js";
import { endOf } from "../history/history.js";
import { settling, type Outcomes, type WaitOptions } from "./outcomes.js";
import type { Stored } from "../streams/acknowledgement.js";
import type { Publisher } from "../streams/publisher.js";
import { checkTaskSize, subjectFor, type Drafting } from "./drafting.js";
import {
  defaultWaitMs,
  type CallOptions,
  type Routed,
  type Scheduled,
  type SubmitOptions,
} from "./submit-options.js";
import type { NamedTarget } from "./target.js";
import { scheduleOnce } from "./timers.js";
import { endSpan, headersFor, startSpan } from "../connection/trace.js";

interface Submitted {
  spec: TaskSpec;
  stored: Stored;
}

export class Submitter {
  readonly drafting: Drafting;
  readonly #link: Link;
  readonly #publisher: Publisher;
  readonly #outcomes: Outcomes;

  constructor(
    link: Link,
    publisher: Publisher,
    outcomes: Outcomes,
    drafting: Drafting,
  ) {
    this.#link = link;
    this.#publisher = publisher;
    this.#outcomes = outcomes;
    this.drafting = drafting;
  }

  /** Resolves when the server has stored the task. */
  async submit(
    target: NamedTarget,
    input: unknown,
    options: SubmitOptions & Routed & Scheduled = {},
  ): Promise<Submitted> {
    const spec = await this.drafting.prepare(target, input, options);
    this.#outcomes.hearOwn();
    if (options.id !== undefined && (await this.#hasEnded(spec)))
      return { spec, stored: { stream: "", sequence: 0, duplicate: true } };
    return { spec, stored: await this.#publish(spec, options) };
  }

  /** Submits and waits for the end; the wait does not wait for the acceptance. */
  async call(
    target: NamedTarget,
    input: unknown,
    options: CallOptions & Routed = {},
  ): Promise<unknown> {
    const timeoutMs = toMs(options.timeout ?? defaultWaitMs, "timeout");
    const prepared = this.drafting.prepare(target, input, options);
    const spec = prepared instanceof Promise ? await prepared : prepared;
    const hasEnded = options.id !== undefined && (await this.#hasEnded(spec));
    return new Promise((resolve, reject) => {
      const wait = this.#expect(spec, timeoutMs, settling(resolve, reject));
      if (hasEnded) return this.#outcomes.joinEarlier(wait);
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
   * Submits, and calls `settle` when it has ended. Resolves when it is accepted, with how to hear no more of it, and
   * whether it had been before.
   * Submitted again with the same id it is the same task.
   */
  async start(
    target: NamedTarget,
    input: unknown,
    options: SubmitOptions & Routed & { id: string },
    settle: WaitOptions["settle"],
  ): Promise<{ leave: () => void; duplicate: boolean }> {
    const spec = await this.drafting.prepare(target, input, options);
    const wait = this.#expect(spec, Number.POSITIVE_INFINITY, settle);
    try {
      const leave = () => this.#outcomes.cancel(wait);
      if (options.isNew !== true && options.isFirst !== true) {
        this.#outcomes.joinEarlier(wait);
        if (await this.#hasEnded(spec)) return { leave, duplicate: true };
      }
      const { duplicate } = await this.#publish(spec, options);
      if (duplicate) this.#outcomes.joinEarlier(wait);
      return { leave, duplicate };
    } catch (error) {
      this.#outcomes.cancel(wait);
      throw error;
    }
  }

  /** The server knows ids for two minutes only, and forgets them when it is killed. */
  async #hasEnded({ taskId, agent }: TaskSpec): Promise<boolean> {
    return (await endOf(this.#link, taskId, agent)) !== undefined;
  }

  #expect(
    { agent, skill, taskId }: TaskSpec,
    timeoutMs: number,
    settle: WaitOptions["settle"],
  ): ReturnType<Outcomes["expect"]> {
    const what = `${agent}.${skill} (task "${taskId}")`;
    return this.#outcomes.expect({ taskId, agent, what, timeoutMs, settle });
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
    checkTaskSize(this.#link, target, block, body);
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

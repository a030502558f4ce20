// Sends tasks and asks to whomever a target means: a skill by its name, or whoever meets a need.
import { toMs, type Duration } from "../../protocol/duration.js";
import type { Asks } from "../asks/asks.js";
import type { LaneChoice } from "../lanes/choice.js";
import type { Router } from "../routing/router.js";
import type { CallOptions, SubmitOptions } from "./submit-options.js";
import type { Submitter } from "./submitter.js";
import {
  checkInput,
  namesOf,
  needOf,
  type NamedTarget,
  type Target,
} from "./target.js";
import { TaskHandle, type HandleHost, type Known } from "./task-handle.js";

export interface AskOptions {
  /** Default 10s. */
  timeout?: Duration;
  /** Which version of the agent, when two run side by side. Default main, or as its lanes are split. */
  lane?: string;
}

const defaultAskMs = 10_000;

export class Sender {
  readonly #submitter: Submitter;
  readonly #router: Router;
  readonly #lanes: LaneChoice;
  readonly #asks: Asks;
  readonly #handles: HandleHost;

  constructor(
    submitter: Submitter,
    router: Router,
    lanes: LaneChoice,
    asks: Asks,
    handles: HandleHost,
  ) {
    this.#handles = handles;
    this.#submitter = submitter;
    this.#router = router;
    this.#lanes = lanes;
    this.#asks = asks;
  }

  /** Resolves when the server has stored the task. */
  async submit<Output>(
    target: Target,
    input: unknown,
    options: SubmitOptions,
  ): Promise<TaskHandle<Output>> {
    const need = needOf(target);
    const { spec, stored } = need
      ? await this.#submitter.submit(
          ...(await this.#router.resolve(need, input, options)),
        )
      : await this.#submitter.submit(target as NamedTarget, input, options);
    const { agent, taskId } = spec;
    const { duplicate } = stored;
    return this.task(taskId, { agent, duplicate, own: !duplicate });
  }

  /** A task by its id, and what else is known of it. */
  task<Output>(id: string, known?: Known): TaskHandle<Output> {
    return new TaskHandle(this.#handles, id, known);
  }

  /** Submits a task and waits for its output. */
  call(target: Target, input: unknown, options: CallOptions): Promise<unknown> {
    const need = needOf(target);
    return need
      ? this.#router
          .resolve(need, input, options)
          .then((found) => this.#submitter.call(...found))
      : this.#submitter.call(target as NamedTarget, input, options);
  }

  /** Request-reply, not stored. */
  async ask(
    target: Target,
    input: unknown,
    options: AskOptions,
  ): Promise<unknown> {
    const timeoutMs =
      options.timeout === undefined
        ? defaultAskMs
        : toMs(options.timeout, "timeout");
    const need = needOf(target);
    const checked = need ? undefined : checkInput(target as NamedTarget, input);
    if (checked) await checked;
    const found = need
      ? await this.#router.find(need, options)
      : { ...namesOf(target as NamedTarget), lane: options.lane };
    const asking = this.#lanes.know(found.agent, found);
    const beganAt = asking && performance.now();
    if (asking) await asking;
    const waitedMs = beganAt === undefined ? 0 : performance.now() - beganAt;
    found.lane ??= this.#lanes.chooseForAsk(found.agent);
    return this.#asks.ask(found, input, timeoutMs, waitedMs);
  }
}

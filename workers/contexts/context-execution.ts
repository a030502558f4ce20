// One delivery to a stateful agent. It differs from another task's (workers/execution.ts) in what is done before and
// after its machine is run; workers/contexts/contexts.ts says why each message changes its context once.
import { firstAttempt } from "../../bus/delivery/recall.js";
import type { Delivery } from "../../bus/delivery/delivery.js";
import { hasCode, TroupeError } from "../../protocol/errors.js";
import { parseWith } from "../../protocol/schema.js";
import type { EndState } from "../../protocol/task.js";
import { hostSkills } from "../../actors/durable/outbox.js";
import type { ExecutionHost, Result } from "../assignment.js";
import type { ContextTask } from "./context-messages.js";
import type { Contexts, Handling } from "./contexts.js";
import { Execution } from "../execution.js";
import { prepare } from "../preparation.js";
import type { SkillRunner } from "../skill-runner.js";

const ended = Symbol("its end is on the log");

export class ContextExecution extends Execution implements ContextTask {
  readonly #contexts: Contexts;
  readonly #intake: { passOn(delivery: Delivery): void };

  constructor(
    host: ExecutionHost,
    delivery: Delivery,
    contexts: Contexts,
    intake: { passOn(delivery: Delivery): void },
  ) {
    super(host, delivery);
    this.#contexts = contexts;
    this.#intake = intake;
  }

  get lane(): string {
    return this.address.lane;
  }

  get isResume(): boolean {
    return this.skill === hostSkills.resume;
  }

  /** It was committed, perhaps, before whoever had it died: then neither its deadline nor its crashes matter. */
  protected override async work(): Promise<Result> {
    if (this.mayBeKnown() && (await this.recall()).ended) return this.#finish();
    const runner = prepare(this);
    if (this.past === firstAttempt) return this.begin(runner);
    const handled = await this.#contexts.recall(this);
    return handled ? this.record(outcomeOf(handled)) : this.begin(runner);
  }

  protected override async perform(runner: SkillRunner): Promise<unknown> {
    try {
      const { skill, inputName } = runner;
      const raw = this.parsed!.input ?? {};
      const input: unknown = await parseWith(
        skill.input,
        raw,
        "INPUT_INVALID",
        inputName,
      );
      const outcome = outcomeOf(await this.#contexts.handle(this, input));
      if (outcome instanceof TroupeError && outcome.retryable)
        this.#intake.passOn(this.delivery);
      return outcome;
    } catch (error) {
      if (hasCode(error, "INPUT_INVALID")) return error;
      throw error;
    }
  }

  protected override record(outcome: unknown): Promise<Result> | Result {
    return outcome === ended ? this.#finish() : super.record(outcome);
  }

  protected override async settle(result: Result): Promise<Result> {
    await this.#contexts.sent(this.id);
    return this.acknowledge(result);
  }

  override acknowledge(result: Result): Promise<Result> | Result {
    const late = result === "late" ? this.#contexts.late(this) : undefined;
    if (!late) return super.acknowledge(result);
    return late.then(() => super.acknowledge(result));
  }

  override ending(state: EndState, error: TroupeError): Promise<void> {
    return this.#contexts.ending(this, state, error);
  }

  async #finish(): Promise<Result> {
    await this.#contexts.finish(this);
    await this.host.recorder.tellAgain(this.subject);
    return this.acknowledge("late");
  }
}

function outcomeOf(handling: Handling): unknown {
  if (handling === "ended") return ended;
  return "error" in handling ? handling.error : handling.output;
}

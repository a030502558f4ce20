// The tasks that an instance has in hand, and how their deliveries ended.
import type { Delivery } from "../bus/delivery/delivery.js";
import { SlotMap } from "../bus/streams/slots.js";
import { messageOf, type TroupeError } from "../protocol/errors.js";
import type { Logger } from "../bus/connection/log.js";
import type { Result } from "./assignment.js";
import type { Execution } from "./execution.js";

interface Hands {
  /** The first was taken, or the last is done with. */
  step(this: void, event: "taken" | "emptied"): void;
  /** A slot is free. */
  release(this: void): void;
  /** A handler has run for so long. */
  took(this: void, ms: number): void;
}

export class InHand {
  readonly counts: Record<Result, number> = {
    completed: 0,
    failed: 0,
    retried: 0,
    late: 0,
    returned: 0,
    parked: 0,
  };
  readonly #log: Logger;
  readonly #executionOf: (delivery: Delivery) => Execution;
  readonly #hands: Hands;
  readonly #running = new SlotMap<Execution>();
  #emptied: (() => void) | undefined;

  /** `executionOf` throws for a message that is no task. */
  constructor(
    log: Logger,
    executionOf: (delivery: Delivery) => Execution,
    hands: Hands,
  ) {
    this.#log = log;
    this.#executionOf = executionOf;
    this.#hands = hands;
  }

  get size(): number {
    return this.#running.size;
  }

  take(delivery: Delivery): void {
    let execution: Execution;
    try {
      execution = this.#executionOf(delivery);
    } catch (error) {
      // Only a subject that no task can have: it cannot even be named, so it cannot be ended.
      this.#log.error(
        { subject: delivery.subject, error: messageOf(error) },
        "a message that is no task was removed",
      );
      delivery.acknowledge();
      return this.#hands.release();
    }
    const same = this.#running.get(execution.id);
    if (same) {
      same.redelivered(delivery);
      return this.#hands.release();
    }
    if (this.#running.size === 0) this.#hands.step("taken");
    this.#running.set(execution.id, execution);
    void this.#run(execution);
  }

  cancel(taskId: string, error: TroupeError): void {
    this.#running.get(taskId)?.cancel(error);
  }

  /** Resolves when all are done with. Those that do nothing but wait for others are left with `stopping` at once. */
  async finish(stopping: TroupeError): Promise<void> {
    if (this.#running.size === 0) return;
    const emptied = new Promise<void>((resolve) => (this.#emptied = resolve));
    const leave = () => {
      for (const [, execution] of this.#running) execution.leaveRest(stopping);
    };
    leave();
    const leaving = setInterval(leave, 100).unref();
    await emptied;
    clearInterval(leaving);
  }

  async #run(execution: Execution): Promise<void> {
    const result = await execution.run();
    if (execution.handledMs !== undefined)
      this.#hands.took(execution.handledMs);
    this.counts[result]++;
    this.#running.delete(execution.id);
    if (!execution.slotless) this.#hands.release();
    if (this.#running.size > 0) return;
    this.#hands.step("emptied");
    this.#emptied?.();
  }
}

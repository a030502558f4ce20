// A submitter that never stops: keeps so many tasks in flight until it is told to end, and knows what was
// accepted and what it was told of each.
import type { Bus, SubmitOptions } from "../../index.js";
import { hand, type HandInput } from "./hands.js";

export interface Flow {
  /** Tasks whose submit was acknowledged. */
  readonly accepted: ReadonlySet<string>;
  /** What their results were, by task. */
  readonly told: ReadonlyMap<string, unknown>;
  /** Submits and waits that failed, with why. */
  readonly failures: readonly unknown[];
  /** Submits no more; resolves when every task has told its result. */
  end(): Promise<void>;
}

interface FlowOptions {
  inFlight: number;
  input: (at: number) => HandInput;
  options?: (at: number) => SubmitOptions;
}

export function startFlow(
  bus: Bus,
  { inFlight, input, options }: FlowOptions,
): Flow {
  const accepted = new Set<string>();
  const told = new Map<string, unknown>();
  const failures: unknown[] = [];
  let ending = false;
  let at = 0;
  const lane = async () => {
    while (!ending) {
      try {
        const mine = at++;
        const task = await bus.submit(
          hand.skills.work,
          input(mine),
          options?.(mine) ?? {},
        );
        accepted.add(task.id);
        told.set(task.id, await task.result());
      } catch (error) {
        failures.push(error);
      }
    }
  };
  const lanes = Array.from({ length: inFlight }, lane);
  return {
    accepted,
    told,
    failures,
    async end() {
      ending = true;
      await Promise.all(lanes);
    },
  };
}

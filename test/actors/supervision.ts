// A supervisor whose time is simulated, and whose children fail when they are told to: no test waits.
import { SimulatedClock } from "xstate";
import {
  supervise,
  type SupervisionEvent,
  type SupervisionPolicy,
  type Supervisor,
} from "../../actors/supervisor.js";
import type { ChildSpec, Life } from "../../actors/supervised.js";
import type { TroupeError } from "../../protocol/errors.js";

/** All that promises had to do is done. */
export const settled = () => new Promise((resolve) => setImmediate(resolve));

/** Children that write down when they start and stop, and fail when told to. */
export function stage(policy: Partial<SupervisionPolicy> = {}) {
  const clock = new SimulatedClock();
  const diary: string[] = [];
  const lives = new Map<string, Life>();
  const events: SupervisionEvent[] = [];
  const escalated: TroupeError[] = [];
  const rules: SupervisionPolicy = {
    clock,
    random: () => 1, // the whole pause
    escalate: (error) => void escalated.push(error),
    onEvent: (event) => void events.push(event),
    ...policy,
  };
  const child = (name: string, more: Partial<ChildSpec> = {}): ChildSpec => ({
    name,
    start(life) {
      lives.set(name, life);
      diary.push(`+${name}`);
      return { stop: () => void diary.push(`-${name}`) };
    },
    ...more,
  });
  const written = () => diary.splice(0).join(" ");
  const after = async (ms: number) => {
    clock.increment(ms);
    await settled();
  };
  const fail = async (name: string, error: unknown = new Error("broken")) => {
    lives.get(name)!.failed(error);
    await settled();
  };
  const start = async (...specs: ChildSpec[]): Promise<Supervisor> => {
    const supervisor = supervise(specs, rules);
    await supervisor.started;
    return supervisor;
  };
  return {
    rules,
    child,
    written,
    after,
    fail,
    start,
    lives,
    events,
    escalated,
  };
}

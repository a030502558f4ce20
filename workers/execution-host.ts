// What all executions of an instance share.
import type { Link } from "../bus/connection/connection.js";
import type { Outcomes } from "../bus/tasks/outcomes.js";
import type { Publisher } from "../bus/streams/publisher.js";
import type { Queues } from "../bus/streams/queues.js";
import { Recorder } from "../bus/tasks/recorder.js";
import type { Router } from "../bus/routing/router.js";
import type { Registry } from "../bus/registry/registry.js";
import type { LaneChoice } from "../bus/lanes/choice.js";
import type { Settings } from "../bus/buckets/settings.js";
import type { Submitter } from "../bus/tasks/submitter.js";
import type { Agent } from "./agent.js";
import type { ExecutionHost } from "./assignment.js";
import { guardsOf } from "./limits/guards.js";
import type { Slots } from "./limits/gate.js";
import { contextSkills } from "./contexts/context-messages.js";
import { PutOff } from "./put-off.js";
import { Recent } from "./recent.js";
import type { AnySkill } from "./skill.js";
import { toRunner } from "./skill-runner.js";
import { Misfits } from "./steps/misfits.js";
import { SignalEars } from "./steps/signal-ears.js";
import type { Watch } from "./watch.js";

/** What a worker has from the bus. */
export interface WorkerHost {
  link: Link;
  publisher: Publisher;
  registry: Registry;
  queues: Queues;
  settings: Settings;
  submitter: Submitter;
  router: Router;
  lanes: LaneChoice;
  outcomes: Outcomes;
}

interface Of extends WorkerHost {
  instance: string;
  watch: Watch;
  lane: string;
  ackWaitMs: number;
  /** Of the intake, which is not there yet. */
  slots: Slots;
  logFailed(this: void, error: unknown): void;
}

export function executionHost(definition: Agent, of: Of): ExecutionHost {
  const { name: agent, version } = definition;
  const { link, publisher, lane, instance, watch, logFailed } = of;
  const { slots, submitter, router } = of;
  const runners = new Map(
    Object.entries(allSkills(definition)).map(([name, skill]) => [
      name,
      toRunner(agent, name, skill),
    ]),
  );
  return {
    link,
    publisher,
    recorder: new Recorder(link, publisher),
    watch,
    canceled: new Recent(),
    putOff: new PutOff(),
    misfits: new Misfits(),
    runners,
    ...guardsOf({ ...of, agent, runners: [...runners.values()] }),
    agent,
    version,
    lane,
    instance,
    logFailed,
    slots,
    submitter,
    router,
    ears: new SignalEars(link, agent),
  };
}

/** With those that the contexts of a stateful agent send to themselves. */
function allSkills({ skills, actor }: Agent): Record<string, AnySkill> {
  return actor ? { ...contextSkills, ...skills } : skills;
}

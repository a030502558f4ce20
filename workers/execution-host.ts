// What all executions of an instance share.
import type { Link } from "../bus/connection.js";
import type { Publisher } from "../bus/publisher.js";
import { Recorder } from "../bus/recorder.js";
import type { Agent } from "./agent.js";
import type { ExecutionHost } from "./assignment.js";
import { Canceled } from "./canceled.js";
import { contextSkills } from "./context-messages.js";
import type { AnySkill } from "./skill.js";
import { toRunner } from "./skill-runner.js";
import type { Watch } from "./watch.js";

interface Of {
  link: Link;
  publisher: Publisher;
  lane: string;
  instance: string;
  watch: Watch;
  logFailed(this: void, error: unknown): void;
}

export function executionHost(
  definition: Agent,
  { link, publisher, lane, instance, watch, logFailed }: Of,
): ExecutionHost {
  const { name: agent } = definition;
  return {
    link,
    publisher,
    recorder: new Recorder(link, publisher),
    watch,
    canceled: new Canceled(),
    runners: new Map(
      Object.entries(allSkills(definition)).map(([name, skill]) => [
        name,
        toRunner(agent, name, skill),
      ]),
    ),
    agent,
    lane,
    instance,
    logFailed,
  };
}

/** With those that the contexts of a stateful agent send to themselves. */
function allSkills({ skills, actor }: Agent): Record<string, AnySkill> {
  return actor ? { ...contextSkills, ...skills } : skills;
}

// The orchestrator as an agent: its skills in the shape that `bus.serve` takes. It does not import workers/, so
// that shape is said by what it looks like.
import type { z } from "zod";
import { queryAgents } from "./queries/agent-query.js";
import { queryContexts } from "./queries/context-query.js";
import { queryDeadLetters } from "./queries/dead-letter-query.js";
import { queries } from "./queries/queries.js";
import { queryTasks } from "./queries/task-query.js";
import { orchestratorName, planSkillName } from "../protocol/subjects.js";
import type { View } from "./queries/view.js";
import { planSkill, type PlanHost } from "./plans/plan-skill.js";

/** Who answers. */
export interface Answerer extends View {
  readonly instance: string;
  readonly state: string;
  /** Who leads, as far as it knows. */
  readonly leader: string | undefined;
  /** Of its own, when it leads. */
  readonly term: number | undefined;
}

const timeout = "20s";

export function declareSkills(host: Answerer, plans: PlanHost) {
  return {
    name: orchestratorName,
    version: "1.0.0",
    description:
      "Knows the tasks, agents, contexts and dead letters of this namespace, leads what only one may do, runs plans",
    labels: {},
    skills: {
      tasks: answering(
        queries.tasks,
        "Which tasks wait, are in hand, or have ended",
        (query) => queryTasks(host, query),
      ),
      agents: answering(
        queries.agents,
        "Which agents there are, their instances, load and results",
        (query) => queryAgents(host, query),
      ),
      contexts: answering(
        queries.contexts,
        "Which contexts there are, and how their tasks ended",
        (query) => queryContexts(host, query),
      ),
      "dead-letters": answering(
        queries["dead-letters"],
        "Which tasks nobody could finish",
        (query) => queryDeadLetters(host, query),
      ),
      status: answering(
        queries.status,
        "Which orchestrator leads, and how far this one has read the log",
        () => statusOf(host),
      ),
      [planSkillName]: planSkill(plans),
    },
  };
}

function answering<
  Shape extends { input: z.ZodType; output: z.ZodType; name: string },
>(
  shape: Shape,
  description: string,
  run: (query: z.output<Shape["input"]>) => Promise<z.input<Shape["output"]>>,
) {
  return { ...shape, description, timeout, run } as const;
}

async function statusOf(host: Answerer) {
  const { projection, standing } = await host.upToDate();
  const { instance, state, leader, term } = host;
  return {
    instance,
    state,
    ...(leader === undefined ? {} : { leader }),
    ...(term === undefined ? {} : { term }),
    window: projection.window,
    events: projection.size,
    log: standing(),
  };
}

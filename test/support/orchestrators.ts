// Orchestrators to be killed or frozen: processes, and what they said.
import type { TestContext } from "node:test";
import type { Bus, Duration } from "../../index.js";
import type { TasksQuery } from "../../orchestrator/queries/query.js";
import { startChild, type Child } from "./child.js";
import { eventually } from "./eventually.js";

export interface Said {
  instance: string;
  state: string;
  term?: number;
}

export interface OrchestratorPlace {
  url: string;
  namespace: string;
  window?: number;
  ackWait?: Duration;
  /** It dies when it has stored a dead letter and is to store the end. */
  diesAfterLetter?: boolean;
}

export type OrchestratorChild = Child<Said>;

/** Resolves when it answers. */
export const startOrchestrator = (
  test: TestContext,
  place: OrchestratorPlace,
): Promise<OrchestratorChild> =>
  startChild(test, "orchestrator-process", place);

export const stateOf = ({ said }: OrchestratorChild) => said.at(-1)!.state;

/** The one that leads, when one does. */
export async function leaderAmong(
  children: readonly OrchestratorChild[],
): Promise<OrchestratorChild> {
  const leading = () => children.find((child) => stateOf(child) === "leading");
  await eventually(leading, { what: "a leader", timeoutMs: 30_000 });
  return leading()!;
}

/** All that an orchestrator tells of what has ended, page by page, and what of the log that is. */
export async function viewOf(bus: Bus, query: TasksQuery = {}) {
  const tasks: string[] = [];
  let cursor: string | undefined;
  do {
    const states = ["completed", "failed", "canceled", "rejected"] as const;
    const page = await bus.query.tasks({
      state: [...states],
      order: "oldest",
      limit: 1_000,
      ...query,
      cursor,
    });
    tasks.push(...page.tasks.map((task) => JSON.stringify(task)));
    ({ cursor } = page);
  } while (cursor !== undefined);
  const { contexts } = await bus.query.contexts({ limit: 1_000 });
  const { agents } = await bus.query.agents();
  const ended = agents.map(({ name, lane, ended: tally, skills }) => ({
    name,
    lane,
    tally,
    skills,
  }));
  return { tasks, contexts, ended };
}

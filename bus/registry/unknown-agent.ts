// A name that no agent here has, or has ever had.
import type { AgentCard } from "../../protocol/card.js";
import { TroupeError } from "../../protocol/errors.js";
import { orchestratorName } from "../../protocol/subjects.js";

const namedAtMost = 20;

/** `next`: what to do about it. */
export function unknownAgent(
  agent: string,
  namespace: string,
  cards: readonly AgentCard[],
  next: string,
): TroupeError {
  if (agent === orchestratorName)
    return new TroupeError(
      "AGENT_UNKNOWN",
      `no orchestrator has ever run in namespace "${namespace}": start one with \`npx troupe up\`, or in a process of yours with bus.orchestrate()`,
    );
  const known = [...new Set(cards.map((card) => card.name))];
  const hint =
    known.length === 0
      ? "no agent has ever been served in this namespace"
      : `known are "${known.slice(0, namedAtMost).join('", "')}"`;
  return new TroupeError(
    "AGENT_UNKNOWN",
    `no agent "${agent}" has ever been served in namespace "${namespace}": ${hint}. ${next}`,
  );
}

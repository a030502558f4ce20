// The cards of an agent that somebody named, or who may have been meant.
import type { AgentCard } from "../protocol/card.js";
import { TroupeError } from "../protocol/errors.js";
import type { Bus } from "../troupe.js";
import { didYouMean, nearest } from "../protocol/nearest.js";

/** One a lane. Throws AGENT_UNKNOWN. */
export async function lanesOf(bus: Bus, name: string): Promise<AgentCard[]> {
  const cards = await bus.agents();
  const lanes = cards.filter((card) => card.name === name);
  if (lanes.length === 0) throw unknownAgent(name, cards);
  return lanes;
}

/** Answers never: throws who may have been meant, where the agent is unknown and one of a similar name is not. */
export async function whoWasMeant(
  bus: Bus,
  agent: string | undefined,
  error: unknown,
): Promise<never> {
  const isUnknown =
    error instanceof TroupeError && error.code === "AGENT_UNKNOWN";
  if (!isUnknown || agent === undefined) throw error;
  const names = (await bus.agents()).map((card) => card.name);
  const near = names.includes(agent) ? undefined : nearest(agent, names);
  if (near === undefined) throw error;
  throw new TroupeError(
    "AGENT_UNKNOWN",
    `no agent "${agent}" has been served here: did you mean "${near}"?`,
    { cause: error },
  );
}

function unknownAgent(name: string, cards: readonly AgentCard[]): TroupeError {
  const known = [...new Set(cards.map((card) => card.name))];
  const all = `known are: ${known.join(", ") || "none yet"}`;
  return new TroupeError(
    "AGENT_UNKNOWN",
    `no agent "${name}" has been served here: ${didYouMean(name, known, all)}`,
  );
}

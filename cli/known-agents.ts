// The cards of an agent that somebody named, or who may have been meant.
import type { AgentCard } from "../protocol/card.js";
import { TroupeError } from "../protocol/errors.js";
import type { Bus } from "../troupe.js";
import { nearest } from "../protocol/nearest.js";

/** One a lane. Throws AGENT_UNKNOWN. */
export async function lanesOf(bus: Bus, name: string): Promise<AgentCard[]> {
  const cards = await bus.agents();
  const lanes = cards.filter((card) => card.name === name);
  if (lanes.length === 0) throw unknownAgent(name, cards);
  return lanes;
}

function unknownAgent(name: string, cards: readonly AgentCard[]): TroupeError {
  const known = [...new Set(cards.map((card) => card.name))];
  const near = nearest(name, known);
  const hint =
    near === undefined
      ? `known are: ${known.join(", ") || "none yet"}`
      : `did you mean "${near}"?`;
  return new TroupeError(
    "AGENT_UNKNOWN",
    `no agent "${name}" has been served here: ${hint}`,
  );
}

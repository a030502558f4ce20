// One routing decision: of all that could do it those that fit, of those the group among which the strategy
// chooses, and the reasons. Pure: what it goes by is given to it.
import { describeNeed, type Need } from "../../protocol/need.js";
import type { Route } from "../../protocol/route.js";
import { objection, toRouteCandidate, type Candidate } from "./candidate.js";
import { byRank, choose, type Choice } from "./strategies.js";

/** With plain words, who fits nearly as well as the best is as good as the best. */
const nearlyAsGood = 0.8;
/** So many stand in the history of a task. */
const told = 5;

interface Asking extends Choice {
  /** Nothing is stored that could wait for an instance. */
  isAsk?: boolean;
  /** In this lane only. */
  lane: string | undefined;
  minScore: number;
}

export interface Refusal {
  candidate: Candidate;
  why: string;
}

/** `lanes`: in how many lanes of the chosen agent the skill fits. */
export type Decision =
  { route: Route; lanes: number } | { route?: undefined; refusals: Refusal[] };

export function decide(
  possible: readonly Candidate[],
  asking: Asking,
): Decision {
  const { need } = asking;
  const { fitting, refusals } = sift(possible, asking);
  if (fitting.length === 0) return { refusals };
  const working = fitting.filter(({ lane, skill }) => !lane.isShut(skill.id));
  // Where all have their breaker open, a task waits for the end of the rest, as one that names its agent does.
  const best = group(working.length > 0 ? working : fitting, need);
  const { chosen, why } = choose(best, asking);
  const others = firstOf(
    best.filter((each) => each !== chosen),
    told - 1,
  );
  return {
    lanes: fitting.filter(
      ({ lane, skill }) =>
        lane.agent === chosen.lane.agent && skill.id === chosen.skill.id,
    ).length,
    route: {
      need,
      ...toRouteCandidate(chosen, need),
      strategy: need.prefer ?? "pull",
      why,
      candidates: [chosen, ...others].map((each) =>
        toRouteCandidate(each, need),
      ),
      fitting: fitting.length,
    },
  };
}

/** What fits, and why the rest does not. */
export function sift(
  possible: readonly Candidate[],
  asking: Pick<Asking, "need" | "isAsk" | "lane" | "minScore">,
): { fitting: Candidate[]; refusals: Refusal[] } {
  const { need, isAsk = false, lane, minScore } = asking;
  const fitting: Candidate[] = [];
  const refusals: Refusal[] = [];
  for (const candidate of possible) {
    const why =
      objection(candidate, need, isAsk) ??
      (lane !== undefined && candidate.lane.lane !== lane
        ? `lane "${lane}" was asked for`
        : candidate.score < minScore && need.text !== undefined
          ? `it fits the words by ${candidate.score.toFixed(2)} only, and ${minScore} is asked for`
          : undefined);
    if (why === undefined) fitting.push(candidate);
    else refusals.push({ candidate, why });
  }
  return { fitting, refusals };
}

/** The best of those that fit, and, where a strategy is to choose, those as good. Best first. */
function group(fitting: readonly Candidate[], need: Need): Candidate[] {
  const [best] = firstOf(fitting, 1);
  if (need.prefer === undefined || need.prefer === "pull")
    return [best!, ...fitting.filter((each) => each !== best)];
  const enough = best!.score * nearlyAsGood;
  return fitting.filter(
    ({ skill, score }) =>
      score >= enough &&
      (need.text === undefined || skill.id === best!.skill.id),
  );
}

/** The best, without sorting the rest. */
export function firstOf(
  candidates: readonly Candidate[],
  count: number,
): Candidate[] {
  const best: Candidate[] = [];
  for (const candidate of candidates) {
    if (best.length === count && byRank(candidate, best.at(-1)!) >= 0) continue;
    const at = best.findIndex((other) => byRank(candidate, other) < 0);
    best.splice(at === -1 ? best.length : at, 0, candidate);
    if (best.length > count) best.pop();
  }
  return best;
}

/** The nearest that there is, and what stands against it. */
export function explain(need: Need, refusals: readonly Refusal[]): string {
  const reasons = new Map(
    refusals.map(({ candidate, why }) => [candidate, why]),
  );
  const nearest = firstOf([...reasons.keys()], 3).map(
    (candidate) => `${nameOf(candidate)} (${reasons.get(candidate)!})`,
  );
  const hint =
    nearest.length === 0
      ? "no agent here has anything like it"
      : `nearest ${nearest.length === 1 ? "is" : "are"} ${nearest.join(", ")}`;
  return `nobody does ${describeNeed(need)}: ${hint}`;
}

function nameOf({ lane, skill }: Candidate): string {
  const { agent, lane: name, version } = lane;
  return `${agent}.${skill.id}@${version}${name === "main" ? "" : ` in lane "${name}"`}`;
}

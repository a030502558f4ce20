// Counting a vote: which choice wins, how that was reached, and when that is certain.
import { isDeepStrictEqual } from "node:util";
import type { Rule } from "./step.js";

/** What came of asking one voter: a choice, an abstention, or why it gave none, or was not waited for. */
export interface Ballot {
  voter: string;
  weight: number;
  choice?: unknown;
  /** All that it said, where that is more than its choice. */
  result?: unknown;
  abstained?: true;
  /** The outcome was certain without it: what it was asked was canceled. */
  notNeeded?: true;
  error?: { code: string; message: string };
}

export interface Verdict {
  decided: boolean;
  /** Null where nothing is decided. */
  choice: unknown;
  /** Of those who made this choice. */
  weight: number;
  /** Of all who might vote, those counted that abstained or failed. */
  total: number;
  rule: Rule;
  ballots: readonly Ballot[];
}

interface Tally {
  choice: unknown;
  weight: number;
}

/** Weights are sums of fractions, and sums are rounded: what two of them may differ by and be the same. */
const nearly = (total: number): number => total * 1e-12;

/** Whether a choice may have enough, if all who may vote make it. */
export const isWithin = (atLeast: number, total: number): boolean =>
  atLeast - nearly(total) < total;

export function countBallots(
  ballots: readonly Ballot[],
  rule: Rule = "majority",
): Verdict {
  const total = weightOf(ballots);
  const [first, second] = tally(ballots);
  const ahead = (first?.weight ?? 0) - (second?.weight ?? 0) > nearly(total);
  const decided = ahead && first!.weight > least(rule, total);
  return {
    decided,
    choice: decided ? first!.choice : null,
    weight: decided ? first!.weight : 0,
    total,
    rule,
    ballots,
  };
}

/** Whether those who are missing can change nothing of what is chosen, whatever they say. */
export function isCertain(
  given: readonly Ballot[],
  missing: readonly Ballot[],
  rule: Rule = "majority",
): boolean {
  if (missing.length === 0) return true;
  const more = weightOf(missing);
  const total = weightOf(given) + more;
  const enough = least(rule, total);
  const [first, second] = tally(given);
  const lead = first?.weight ?? 0;
  if (lead + more <= enough) return true; // nobody can win any more
  return lead > enough && lead - (second?.weight ?? 0) - more > nearly(total);
}

const weightOf = (ballots: readonly Ballot[]): number =>
  ballots.reduce((sum, { weight }) => sum + weight, 0);

/** What the winner must weigh more than. */
function least(rule: Rule, total: number): number {
  if (rule === "majority") return total / 2 + nearly(total);
  return rule === "plurality" ? 0 : rule.atLeast - nearly(total);
}

/** Heaviest first; equal choices are one. */
function tally(ballots: readonly Ballot[]): Tally[] {
  const tallies: Tally[] = [];
  for (const { choice, weight } of ballots) {
    if (choice === undefined) continue;
    const same = tallies.find((each) => isDeepStrictEqual(each.choice, choice));
    if (same) same.weight += weight;
    else tallies.push({ choice, weight });
  }
  return tallies.sort((a, b) => b.weight - a.weight);
}

// Counting a vote: which choice wins, and how that was reached.
import { isDeepStrictEqual } from "node:util";
import type { Rule } from "./step.js";

/** What came of asking one voter: a choice, an abstention, or why it gave none. */
export interface Ballot {
  voter: string;
  weight: number;
  choice?: unknown;
  /** All that it said, where that is more than its choice. */
  result?: unknown;
  abstained?: true;
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

/** Weights are sums of fractions. */
const nearly = 1e-9;

export function countBallots(
  ballots: readonly Ballot[],
  rule: Rule = "majority",
): Verdict {
  const total = ballots.reduce((sum, { weight }) => sum + weight, 0);
  const [first, second] = tally(ballots);
  const ahead = (first?.weight ?? 0) - (second?.weight ?? 0) > nearly;
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

/** What the winner must weigh more than. */
function least(rule: Rule, total: number): number {
  if (rule === "majority") return total / 2 + nearly;
  return rule === "plurality" ? 0 : rule.atLeast - nearly;
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

// A vote of a plan: all voters are asked at once, until those who are missing can change nothing; what these were asked
// is canceled.
//
// 1. Who is missing follows from the order in which ballots came, and that is the journal's: a plan that is run again
//    decides at the same ballot. It cancels the rest again, too, should the one before have died over that.
// 2. Plans that were past a vote before votes ended early wait for all: what follows a vote begins where its last
//    ballot was given.
import type { TroupeError } from "../../protocol/errors.js";
import { isCertain, type Ballot } from "../../protocol/plan/ballots.js";
import {
  lookUp,
  parseReference,
  resolve,
} from "../../protocol/plan/expression.js";
import { targetInWords } from "../../protocol/plan/skills.js";
import type { VoteStep, Voter } from "../../protocol/plan/step.js";
import type { PlanCalls } from "./calls.js";
import type { PlanTask } from "./plan-task.js";
import type { Scope } from "./scope.js";

const change = "votes end when they are certain";

/** In the order of the voters. Who fails has no choice. Throws BUDGET_EXCEEDED. */
export function askVoters(
  task: PlanTask,
  calls: PlanCalls,
  step: VoteStep,
  scope: Scope,
): Promise<Ballot[]> {
  const endsEarly = task.patched(change);
  const asked = step.vote.map(toBallot);
  const given = new Map<number, Ballot>();
  const rest = new AbortController();
  return new Promise((resolve, reject) => {
    const look = () => {
      const missing = asked.filter((_, place) => !given.has(place));
      if (missing.length > 0 && !endsEarly) return;
      if (!isCertain([...given.values()], missing, step.rule)) return;
      rest.abort();
      const notNeeded = true;
      resolve(asked.map((each, at) => given.get(at) ?? { ...each, notNeeded }));
    };
    for (const [place, voter] of step.vote.entries())
      ballotOf(calls, step, voter, place, scope, rest.signal).then((ballot) => {
        if (rest.signal.aborted) return;
        given.set(place, ballot);
        look();
      }, reject);
  });
}

async function ballotOf(
  calls: PlanCalls,
  step: VoteStep,
  voter: Voter,
  place: number,
  scope: Scope,
  signal: AbortSignal,
): Promise<Ballot> {
  const { call, input = step.input ?? {} } = callOf(voter);
  const ballot = toBallot(voter);
  const options = { name: `${step.name}${scope.round}#${place}`, signal };
  const question = resolve(input, scope.roots);
  try {
    const result = await calls.attempts(call, question, step, options, scope);
    return { ...ballot, ...choiceOf(result ?? null, step.choice) };
  } catch (error) {
    const { code, message } = error as TroupeError;
    if (code === "BUDGET_EXCEEDED") throw error;
    return { ...ballot, error: { code, message } };
  }
}

const callOf = (voter: Voter) =>
  typeof voter === "string" ? { call: voter } : voter;

/** Without what came of it. */
function toBallot(voter: Voter): Ballot {
  const { call, weight = 1 } = callOf(voter);
  return { voter: targetInWords(call), weight };
}

function choiceOf(
  result: unknown,
  path: string | undefined,
): Pick<Ballot, "choice" | "result" | "abstained"> {
  const choice =
    path === undefined
      ? result
      : lookUp(parseReference(`result.${path}`)!, { result });
  const rest = path === undefined ? {} : { result };
  return (choice ?? null) === null
    ? { abstained: true, ...rest }
    : { choice, ...rest };
}

// A vote of a plan: all voters are asked at once, until those who are missing can change nothing; what these were asked
// is canceled.
//
// 1. Who is missing follows from the order in which ballots came, and that is the journal's: a plan that is run again
//    decides at the same ballot. It cancels the rest again, too, should the one before have died over that.
// 2. A vote fails with a budget of this plan that is used up. A voter that is a plan and has used up its own has failed.
// 3. Plans that were past a vote before votes ended early wait for all: what follows a vote begins where its last
//    ballot was given.
import { TroupeError } from "../../protocol/errors.js";
import {
  countBallots,
  isCertain,
  type Ballot,
  type Verdict,
} from "../../protocol/plan/ballots.js";
import {
  lookUp,
  parseReference,
  resolve,
} from "../../protocol/plan/expression.js";
import { targetInWords } from "../../protocol/plan/skills.js";
import type { VoteStep, Voter } from "../../protocol/plan/step.js";
import type { PlanCalls } from "./calls.js";
import { isOutOfCalls } from "./failures.js";
import type { PlanTask } from "./plan-task.js";
import type { Scope } from "./scope.js";

const change = "votes end when they are certain";
const budgets = "votes fail with budgets of their own plan alone";

/** Throws VOTE_UNDECIDED, unless the plan is to go on then; BUDGET_EXCEEDED. */
export async function vote(
  task: PlanTask,
  calls: PlanCalls,
  step: VoteStep,
  scope: Scope,
): Promise<Verdict> {
  const ballots = await ask(task, calls, step, scope);
  const verdict = countBallots(ballots, step.rule);
  if (verdict.decided || step.otherwise === "continue") return verdict;
  throw undecided(verdict);
}

/** In the order of the voters. Who fails has no choice. */
function ask(
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
      ballotOf(task, calls, step, voter, place, scope, rest.signal).then(
        (ballot) => {
          if (rest.signal.aborted) return;
          given.set(place, ballot);
          look();
        },
        reject,
      );
  });
}

async function ballotOf(
  task: PlanTask,
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
    if (isOutOfCalls(error)) throw error;
    if (code === "BUDGET_EXCEEDED" && !task.patched(budgets)) throw error;
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

function undecided({ total, ballots }: Verdict): TroupeError {
  const said = ballots.map(
    (ballot) =>
      `${ballot.voter} ${saidIn(ballot)}${ballot.weight === 1 ? "" : ` (${ballot.weight})`}`,
  );
  return new TroupeError(
    "VOTE_UNDECIDED",
    `no choice has enough of the weights, which are ${total} in all: ${said.join(", ")}`,
    { data: { ballots } },
  );
}

function saidIn({ choice, error, notNeeded }: Ballot): string {
  if (notNeeded) return "was not waited for";
  if (error) return `failed (${error.code})`;
  return choice === undefined ? "abstained" : JSON.stringify(choice);
}

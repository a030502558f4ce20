// Parsing by the JSON Schemas that a plan brings along: one by which it takes too long is told as wrong, with the place
// of what may take long, before it can hold up an orchestrator.
import { messageOf, TroupeError } from "../errors.js";
import { checkingTime, type ForeignSchema } from "../json-schema-parse.js";
import { TookTooLong, type TimeBox } from "../time-box.js";
import { pathTo } from "../schema.js";
import type { PlanProblem } from "./outline.js";

interface At {
  /** Where the schema stands, such as `params.tone.schema`. */
  path: string;
  /** Whose value it is. */
  what: string;
  /** Shared with what else is checked at once. */
  time?: TimeBox;
}

/** Throws INPUT_INVALID with the path of the field, and PLAN_INVALID with that of the pattern. */
export function parseBy(
  schema: ForeignSchema,
  value: unknown,
  { path, what, time = checkingTime() }: At,
): unknown {
  try {
    return schema.parse(value, "INPUT_INVALID", what, time);
  } catch (error) {
    if (error instanceof TroupeError) throw error;
    const problems = unusable(schema, path, error);
    throw new TroupeError(
      "PLAN_INVALID",
      `${what} cannot be checked: ${problems.map((each) => `${each.path} ${each.message}`).join("; ")}`,
      { data: { problems }, cause: error },
    );
  }
}

const mostShown = 3;

/** What is wrong with a schema by which checking has failed, and where that may come from. */
export function unusable(
  { risks }: ForeignSchema,
  path: string,
  error: unknown,
): PlanProblem[] {
  if (!(error instanceof TookTooLong))
    return [{ path, message: `cannot be used: ${messageOf(error)}` }];
  const places = risks.length === 0 ? [""] : risks.slice(0, mostShown);
  return places.map((place) => ({
    path: place === "" ? path : pathTo(path, [place]),
    message: `takes too long to check a value by: ${messageOf(error)}; expected a pattern that repeats nothing that repeats itself, or a simpler schema`,
  }));
}

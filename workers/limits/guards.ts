// What an instance has for its skills' limits and fallbacks. No limits where they have none; fallbacks always, for
// an earlier version may have begun one.
import type { Outcomes } from "../../bus/tasks/outcomes.js";
import type { Router } from "../../bus/routing/router.js";
import type { Submitter } from "../../bus/tasks/submitter.js";
import type { Fallback } from "../assignment.js";
import type { SkillRunner } from "../skill-runner.js";
import { Fallbacks } from "./fallbacks.js";
import { Limits, type LimitsHost } from "./limits.js";

interface GuardsHost extends LimitsHost {
  readonly runners: readonly SkillRunner[];
  readonly submitter: Submitter;
  readonly router: Router;
  readonly outcomes: Outcomes;
}

export function guardsOf(host: GuardsHost): {
  limits: Limits | undefined;
  fallbacks: Fallback;
} {
  const { runners, submitter, router, outcomes, slots } = host;
  return {
    limits: Limits.of(runners, host),
    fallbacks: new Fallbacks(submitter, router, outcomes, slots),
  };
}

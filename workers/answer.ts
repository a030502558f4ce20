// Answering a request that is not stored: the handler runs once, for whoever waits for it now.
import type { Request } from "../bus/asks/answers.js";
import {
  contextFrom,
  endSpan,
  startSpan,
  traceIdOf,
  within,
} from "../bus/connection/trace.js";
import { skillUnknown, TroupeError } from "../protocol/errors.js";
import { defaultLevel } from "../protocol/levels.js";
import type { ExecutionHost } from "./assignment.js";
import { verdictOf } from "./limits/verdict.js";
import { perform, type SkillRunner } from "./skill-runner.js";
import { askHost } from "./steps/ask-host.js";
import { Steps } from "./steps/steps.js";
import { HandlerContext } from "./task-context.js";

/** The output, or the TroupeError to answer with, at once or as a promise. Throws SKILL_UNKNOWN. */
export function answer(host: ExecutionHost, request: Request): unknown {
  const { agent, runners } = host;
  const runner = runners.get(request.skill);
  if (!runner) throw skillUnknown(agent, request.skill, runners.keys());
  const parent = contextFrom(request.headers);
  const names = { agent, skill: runner.name, taskId: "" };
  const span = startSpan("handle", names, parent);
  if (!span) return run(host, runner, request);
  return within(span, parent, async () => {
    const outcome = await run(host, runner, request);
    endSpan(span, outcome instanceof TroupeError ? outcome : undefined);
    return outcome;
  });
}

/** Never throws. */
function run(
  host: ExecutionHost,
  runner: SkillRunner,
  request: Request,
): unknown {
  const { link, agent, instance, watch, limits } = host;
  const { id, headers, input } = request;
  const facts = {
    id,
    agent,
    skill: runner.name,
    attempt: 1,
    level: defaultLevel,
    context: headers.context,
    key: undefined,
    deadline: undefined,
    durable: false,
  };
  const trace = traceIdOf(headers);
  const context = new HandlerContext(facts, {
    makeLog: () =>
      link.log.child({ agent, skill: runner.name, instance, trace }),
    sendProgress: () => undefined,
    makeSteps: (context) =>
      new Steps(askHost(host, runner, context, request), []),
  });
  const admission = limits?.admitAsk(facts, input);
  if (!admission) return perform(runner, watch, context, input);
  return admission.then(async (leave) => {
    if (leave instanceof TroupeError) return leave;
    const outcome = await perform(runner, watch, context, input);
    leave(verdictOf(outcome));
    return outcome;
  });
}

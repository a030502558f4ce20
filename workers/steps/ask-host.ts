// Durable operations in a request that is not stored: they are done, and nothing is kept of them.
import { cancelUnneeded } from "../../bus/tasks/cancel.js";
import type { Request } from "../../bus/asks/answers.js";
import { needOf } from "../../bus/tasks/target.js";
import { newId } from "../../protocol/ids.js";
import type { ExecutionHost } from "../assignment.js";
import type { SkillRunner } from "../skill-runner.js";
import type { HandlerContext } from "../task-context.js";
import { startRun } from "./child-run.js";
import type { StepHost } from "./step-host.js";
import { Suspension } from "./suspension.js";

export function askHost(
  host: ExecutionHost,
  runner: SkillRunner,
  context: HandlerContext,
  request: Request,
): StepHost {
  const { link, submitter, router, agent, version } = host;
  return {
    id: request.id || newId(),
    agent,
    skill: runner.name,
    version,
    rules: runner.rules,
    isDurable: false,
    canPark: false,
    signals: [],
    now: () => link.clock.now(),
    append: () => Promise.resolve(),
    isInDoubt: false,
    hold: () => Promise.resolve(),
    choose: (target) => router.find(needOf(target)!, {}),
    startChild(child, target, input, options) {
      const mine = { ...options, id: child.id, isNew: true };
      return startRun(submitter, target, input, mine, (error) =>
        context.stop(error),
      );
    },
    // What is asked is never undone.
    find: () => Promise.resolve(undefined),
    startUndo: ({ id }, target, input, lost) =>
      startRun(submitter, target, input, { id }, lost),
    outcomeOf: () => Promise.resolve(undefined),
    cancelChild: (child, reason) => cancelUnneeded(host, child, reason),
    readSignals: () => Promise.resolve(),
    hearSignals: () => () => undefined,
    idle: (isIdle) => context.rest(isIdle),
    suspend: (to) =>
      context.stop("error" in to ? to.error : new Suspension(to)),
    end: (error) => context.stop(error),
  };
}

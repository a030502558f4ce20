// Durable operations in a request that is not stored: they are done, and nothing is kept of them.
import { cancelTask } from "../../bus/tasks/cancel.js";
import type { Request } from "../../bus/asks/answers.js";
import { needOf } from "../../bus/tasks/target.js";
import { messageOf } from "../../protocol/errors.js";
import { newId } from "../../protocol/ids.js";
import type { Outcome } from "../../protocol/task-events.js";
import type { ExecutionHost } from "../assignment.js";
import type { SkillRunner } from "../skill-runner.js";
import type { HandlerContext } from "../task-context.js";
import type { StepHost } from "./step-host.js";
import { Suspension } from "./suspension.js";

export function askHost(
  host: ExecutionHost,
  runner: SkillRunner,
  context: HandlerContext,
  request: Request,
): StepHost {
  const { link, publisher, recorder, submitter, router, agent, version } = host;
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
    choose: (target) => router.find(needOf(target)!, {}),
    async startChild(child, target, input, options) {
      let outcome: Outcome | undefined;
      let heard: ((outcome: Outcome) => void) | undefined;
      const mine = { ...options, id: child.id, isNew: true };
      const leave = await submitter.start(
        target,
        input,
        mine,
        (error, ended) => {
          if (error) return context.stop(error);
          outcome = ended!;
          heard?.(outcome);
        },
      );
      return {
        leave,
        ended: (listener) => {
          heard = listener;
          if (outcome) listener(outcome);
        },
      };
    },
    hasEnded: () => Promise.resolve(false),
    async cancelChild({ id, agent: called }, reason) {
      try {
        await cancelTask(
          link,
          publisher,
          recorder,
          { id, agent: called },
          reason,
        );
      } catch (error) {
        link.log.debug(
          { task: id, error: messageOf(error) },
          "a child was not canceled",
        );
      }
    },
    readSignals: () => Promise.resolve(),
    hearSignals: () => () => undefined,
    idle: (isIdle) => context.rest(isIdle),
    suspend: (to) =>
      context.stop("error" in to ? to.error : new Suspension(to)),
    end: (error) => context.stop(error),
  };
}

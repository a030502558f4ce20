// Calling a skill from a machine: an actor that XState invokes or spawns like any other, and that is done when
// the skill's task has ended. The task is durable, so the actor is too: its state is the id of the task, and
// the host (actors/durable/stage.ts) sends the task and brings its end.
import type { ActorLogic, EventObject, Snapshot } from "xstate";
import { toMs, type Duration } from "../../protocol/duration.js";
import type { TroupeError } from "../../protocol/errors.js";
import type { Level } from "../../protocol/levels.js";
import type { Need } from "../../protocol/need.js";
import { contextToken, encodeToken } from "../../protocol/tokens.js";
import {
  checkInput,
  isTyped,
  namesOf,
  needWithoutWait,
  type InputOf,
  type NamedTarget,
  type OutputOf,
  type Target,
} from "../../bus/tasks/target.js";
import type { Outcome } from "../../protocol/outcome.js";
import type { Call } from "./effects.js";

export interface CallSkillOptions {
  priority?: Level;
  /** Fail the call when it has not ended by then. */
  deadline?: Duration;
  /** Tasks of the called agent with the same key are handled one at a time and in order. */
  key?: string;
  /** The A2A context of the called task. Default the context of the machine that calls. */
  context?: string;
  lane?: string;
}

/** What `onError` finds in `event.error`: plain data, so that it may be kept in the machine's context. */
export interface CallError {
  name: "TroupeError";
  code: string;
  message: string;
  retryable: boolean;
  data?: unknown;
}

export type CallSnapshot<Output> = Snapshot<Output> & {
  call?: { task: string; agent: string };
};

export type SkillCallLogic<Input, Output> = ActorLogic<
  CallSnapshot<Output>,
  EventObject,
  Input
>;

/** Who sends the tasks of the calls of one actor system. */
export interface CallHost {
  /** The server's time. */
  readonly now: number;
  /** Names the call's task and sends it after the commit. */
  begin(call: Omit<Call, "kind" | "task">): { task: string; agent: string };
}

/** The host of a system that one runs; a machine that runs without us, as in a test of its own, has none. */
export const callHosts = new WeakMap<object, CallHost>();

const settledType = "troupe.call.settled";
const logics = new WeakSet<object>();

export function isSkillCall(logic: object): boolean {
  return logics.has(logic);
}

/** What tells the call's actor that its task has ended. */
export function settledEvent(outcome: Outcome): EventObject {
  return { type: settledType, outcome } as EventObject;
}

/**
 * An actor that calls a skill: `invoke: { src: callSkill(payment.skills.charge), input, onDone, onError }`. The call is
 * a durable task. It outlives every process, and leaving the state that invoked it cancels it. A need in place of the
 * skill is met when the state is entered, once; that nobody meets it is an error of the call (NO_CANDIDATE).
 */
export function callSkill<const To extends Target>(
  target: To,
  options: CallSkillOptions = {},
): SkillCallLogic<InputOf<To>, OutputOf<To>> {
  const called = calledBy(target);
  if (options.context !== undefined) contextToken(options.context);
  const deadlineMs =
    options.deadline === undefined
      ? undefined
      : toMs(options.deadline, "deadline");
  const { priority: level, deadline: _, ...where } = options;
  const logic: SkillCallLogic<InputOf<To>, OutputOf<To>> = {
    getInitialSnapshot({ system }, given) {
      const input = given ?? nothingFor(target);
      const host = callHosts.get(system);
      if (!host) return active();
      try {
        // An asynchronous schema is the called agent's to apply.
        if (!called.need)
          checkInput(target as NamedTarget, input)?.catch(() => undefined);
      } catch (error) {
        return { ...active(), status: "error", error: toCallError(error) };
      }
      const call = host.begin({
        ...called,
        ...where,
        ...(level === undefined ? {} : { level }),
        ...(deadlineMs === undefined
          ? {}
          : { deadlineAt: host.now + deadlineMs }),
        input,
        checked: isTyped(target),
        stateful: isTyped(target) && target.stateful === true,
      });
      return { ...active(), call };
    },
    transition(snapshot, event) {
      if (snapshot.status !== "active") return snapshot;
      if (event.type === "xstate.stop")
        return { ...snapshot, status: "stopped" };
      if (event.type !== settledType) return snapshot;
      const { outcome } = event as unknown as { outcome: Outcome };
      return outcome.state === "completed"
        ? {
            ...snapshot,
            status: "done",
            output: outcome.output as OutputOf<To>,
          }
        : { ...snapshot, status: "error", error: toCallError(outcome.error) };
    },
    // What it returned has gone to its parent; keeping it here as well would only make the record larger.
    getPersistedSnapshot: ({ status, call }) =>
      ({ status, ...(call ? { call } : {}) }) as unknown as Snapshot<unknown>,
  };
  logics.add(logic);
  return logic;
}

/** With a need, agent and skill are found later. */
function calledBy(target: Target): {
  agent: string;
  skill: string;
  need?: Need;
} {
  const need = needWithoutWait(target);
  if (need) return { agent: "", skill: need.skill ?? "", need };
  const names = namesOf(target as NamedTarget);
  encodeToken(names.agent, "agent");
  encodeToken(names.skill, "skill");
  return names;
}

/** An event without data, and a tool without arguments, take an empty object. */
function nothingFor(target: Target): unknown {
  return isTyped(target) && !target.stateful ? undefined : {};
}

function active() {
  return { status: "active" as const, output: undefined, error: undefined };
}

function toCallError(error: unknown): CallError {
  const { name, code, message, retryable, data } = error as TroupeError;
  return {
    name,
    code,
    message,
    retryable,
    ...(data === undefined ? {} : { data }),
  };
}

// A machine that handles one message after the other, without a bus.
import type { AnyStateMachine } from "xstate";
import {
  checkMachine,
  type ActorDefinition,
} from "../../actors/durable/actor-definition.js";
import type { Effect } from "../../actors/durable/effects.js";
import { decodeRecord, encodeRecord } from "../../actors/durable/record.js";
import { step, type Message, type Step } from "../../actors/durable/step.js";

export function definitionOf(machine: AnyStateMachine): ActorDefinition {
  return {
    agent: "a",
    machine,
    version: "1",
    makeInput: ({ context }) => ({ id: context }),
    migrate: undefined,
    onDeadLetter: "continue",
    sleepAfterMs: 1,
    keepFinishedMs: Number.POSITIVE_INFINITY,
    callsSkills: checkMachine("a", machine),
  };
}

/** Handles messages one after the other, each from what the record of the one before says. */
export function actorOf(machine: AnyStateMachine) {
  const definition = definitionOf(machine);
  let now = 1_000;
  let count = 0;
  let last: Step | undefined;
  const handle = (message: Message): Step => {
    const cause = { context: "c", task: `t${count++}`, now: now++ };
    const before =
      last &&
      decodeRecord(
        encodeRecord({
          context: "c",
          version: "1",
          state: last.state,
          handled: {},
        }),
        "c",
      ).state;
    last = step(definition, before, message, cause);
    return last;
  };
  return {
    handle,
    send: (type: string, more: object = {}) =>
      handle({ kind: "event", event: { type, ...more } }),
    fire: (task: string) => handle({ kind: "timer", task }),
    get state() {
      return last?.result.state;
    },
  };
}

/** Its effects of one kind. */
export const of = <Kind extends Effect["kind"]>(
  step: Step,
  kind: Kind,
): Extract<Effect, { kind: Kind }>[] =>
  step.effects.filter(
    (effect): effect is Extract<Effect, { kind: Kind }> => effect.kind === kind,
  );

// A stateful agent: a machine, and the events that it takes as skills. `agent(name, { machine, events })` declares it;
// each context has an actor of its own, which workers/contexts/contexts.ts keeps.
import { z } from "zod";
import {
  checkMachine,
  eventTypesOf,
  expectMachine,
  type ActorDefinition,
  type StartOf,
} from "../../actors/durable/actor-definition.js";
import type {
  AnyStateMachine,
  ContextFrom,
  EmittedFrom,
  EventFromLogic,
  InputFrom,
  OutputFrom,
  StateValueFrom,
} from "../../actors/durable/machine-types.js";
import type { ContextResult } from "../../actors/durable/step.js";
import type { RetryPolicy } from "../../bus/delivery/retry.js";
import type { Labels } from "../../protocol/card.js";
import { toMs, type Duration } from "../../protocol/duration.js";
import { TroupeError } from "../../protocol/errors.js";
import type { AnySkill, SkillDefinition } from "../skill.js";

export type AnyMachine = AnyStateMachine;
export type EventSchemas = Readonly<Record<string, z.ZodType>>;

type EventOf<Machine extends AnyStateMachine> = EventFromLogic<Machine>;
export type EmittedOf<Machine extends AnyStateMachine> = EmittedFrom<Machine>;

export type StateOf<Machine extends AnyStateMachine> = StateValueFrom<Machine>;
export type OutputOfMachine<Machine extends AnyStateMachine> =
  OutputFrom<Machine>;
export type MachineContextOf<Machine extends AnyStateMachine> =
  ContextFrom<Machine>;

/** An event as it is sent: by its schema where it has one, else as the machine says. */
export type MachineEventOf<
  Machine extends AnyStateMachine,
  Events extends EventSchemas,
> =
  | Exclude<EventOf<Machine>, { type: keyof Events | `xstate.${string}` | "*" }>
  | {
      [Type in keyof Events & string]: { type: Type } & z.input<Events[Type]>;
    }[keyof Events & string];

/** What the task of an event returns. */
export type ResultOf<Machine extends AnyStateMachine> = ContextResult<
  StateValueFrom<Machine>,
  OutputFrom<Machine>
>;

type TypesOf<Machine extends AnyStateMachine> = Exclude<
  EventOf<Machine>["type"],
  `xstate.${string}` | "*"
>;

type EventData<Machine extends AnyStateMachine, Type extends string> = Omit<
  Extract<EventOf<Machine>, { type: Type }>,
  "type"
>;

/** Without a schema of its own, an event has the type that the machine gives it. */
type InputOfEvent<
  Machine extends AnyStateMachine,
  Events extends EventSchemas,
  Type extends string,
> = Type extends keyof Events
  ? Events[Type]
  : z.ZodType<EventData<Machine, Type>, EventData<Machine, Type>>;

/** A skill for each type of event. */
export type EventSkills<
  Machine extends AnyStateMachine,
  Events extends EventSchemas,
> = {
  [Type in TypesOf<Machine> | (keyof Events & string)]: SkillDefinition<
    InputOfEvent<Machine, Events, Type>,
    z.ZodType<ResultOf<Machine>, ResultOf<Machine>>
  >;
};

export interface StatefulOptions<
  Machine extends AnyStateMachine,
  Events extends EventSchemas = EventSchemas,
> {
  /** One actor of it for each context. */
  machine: Machine;
  /** The schemas of events, by type. A type that is not here takes any object. */
  events?: Events;
  version?: string;
  description?: string;
  labels?: Labels;
  /** What an actor starts with, of its context and the event that brings it into being. Default `{ id: context }`. */
  input?: (start: StartOf) => InputFrom<Machine>;
  /** Of what it persists: raise it when old snapshots no longer fit. Default the machine's own version, or "1". */
  snapshotVersion?: string;
  /** Makes a snapshot of this version out of an older one. Without it, contexts of another version are refused. */
  migrate?: (snapshot: unknown, version: string) => unknown;
  /** A context without a message for so long is no longer kept in memory. Default 30s. */
  sleepAfter?: Duration;
  /** So long the record of a context stays whose machine is done, and rejects what comes. Default for ever. */
  keepFinished?: Duration;
  /** How often a machine that throws is tried again. */
  retry?: RetryPolicy;
  /** What becomes of a context whose event ended as a dead letter. Default it goes on with the next. */
  onDeadLetter?: "continue" | "stop";
}

export function isStateful(
  options: object,
): options is StatefulOptions<AnyStateMachine> {
  return "machine" in options;
}

/** Throws ARGUMENT_INVALID for a machine that cannot sleep. */
export function toActor(
  agent: string,
  options: StatefulOptions<AnyStateMachine>,
): ActorDefinition {
  const { machine, input, migrate, onDeadLetter = "continue" } = options;
  return {
    agent,
    machine,
    version: options.snapshotVersion ?? machine.version ?? "1",
    makeInput: input ?? (({ context }) => ({ id: context })),
    migrate,
    onDeadLetter,
    sleepAfterMs: toMs(options.sleepAfter ?? "30s", "sleepAfter"),
    keepFinishedMs: keptFinishedMs(agent, options.keepFinished),
    callsSkills: checkMachine(agent, machine),
  };
}

/** The server counts in seconds. */
function keptFinishedMs(agent: string, given: Duration | undefined): number {
  if (given === undefined) return Number.POSITIVE_INFINITY;
  const ms = toMs(given, "keepFinished");
  if (ms >= 1_000) return ms;
  throw new TroupeError(
    "ARGUMENT_INVALID",
    `keepFinished of agent "${agent}" is ${ms} ms: give at least "1s", or leave it out to keep finished contexts for ever`,
  );
}

const anything = z.looseObject({});

const result = z.object({
  state: z.unknown(),
  tags: z.array(z.string()),
  status: z.enum(["active", "done"]),
  changed: z.boolean(),
  output: z.unknown().optional(),
});

/** Its events as skills. */
export function toSkills(
  agent: string,
  { machine, events = {}, retry }: StatefulOptions<AnyStateMachine>,
): Record<string, AnySkill> {
  expectMachine(agent, machine);
  const types = new Set([...eventTypesOf(machine), ...Object.keys(events)]);
  if (types.size === 0)
    throw new TroupeError(
      "ARGUMENT_INVALID",
      `the machine of agent "${agent}" takes no events: give it some, or list those of its "*" in events`,
    );
  return Object.fromEntries(
    [...types].map((type) => [
      type,
      {
        description:
          events[type]?.description ?? `The event "${type}" of a context`,
        input: events[type] ?? anything,
        output: result,
        stateful: true,
        ...(retry === undefined ? {} : { retry }),
        run() {
          throw notByAsk(agent, type);
        },
      },
    ]),
  );
}

function notByAsk(agent: string, type: string): TroupeError {
  return new TroupeError(
    "ARGUMENT_INVALID",
    `agent "${agent}" is stateful, and its events are durable: submit or call "${agent}.${type}" with a context instead of asking`,
  );
}

// What a stateful agent is made of, checked when it is declared: its machine may contain what can sleep and wake
// elsewhere (other machines, pure transitions, calls of skills), and nothing that lives in one process only.
import type { AnyActorLogic, AnyStateMachine } from "xstate";
import { TroupeError } from "../../protocol/errors.js";
import { isSkillCall } from "./skill-call.js";

export interface ActorDefinition {
  readonly agent: string;
  readonly machine: AnyStateMachine;
  /** Of the snapshots that it writes. */
  readonly version: string;
  /** What the machine is started with. */
  readonly makeInput: (start: StartOf) => unknown;
  readonly migrate:
    ((snapshot: unknown, version: string) => unknown) | undefined;
  readonly onDeadLetter: "continue" | "stop";
  /** So long without a message it is kept in memory. */
  readonly sleepAfterMs: number;
  /** So long a record stays whose machine is done. */
  readonly keepFinishedMs: number;
  /** Whether any machine in it calls skills. */
  readonly callsSkills: boolean;
}

/** What brings an actor into being. */
export interface StartOf {
  context: string;
  event: { type: string };
}

/** The event types that its machine names, without those that XState makes itself and without wildcards. */
export function eventTypesOf(machine: AnyStateMachine): string[] {
  const types = new Set<string>();
  const add = ({ config, states }: Node) => {
    for (const type of Object.keys(config.on ?? {})) types.add(type);
    Object.values(states).forEach(add);
  };
  add(machine.root as unknown as Node);
  return [...types].filter(
    (type) => !type.startsWith("xstate.") && !type.endsWith("*"),
  );
}

/** Throws ARGUMENT_INVALID for what is no machine of XState 5. */
export function expectMachine(agent: string, machine: AnyStateMachine): void {
  const { implementations, root } = (machine ?? {}) as Partial<AnyStateMachine>;
  if (implementations && root && isMachine(machine)) return;
  throw new TroupeError(
    "ARGUMENT_INVALID",
    `the machine of agent "${agent}" is none of XState 5: make it with setup(…).createMachine(…)`,
  );
}

/** Whether any machine in it calls skills. Throws ARGUMENT_INVALID for what cannot sleep. */
export function checkMachine(agent: string, machine: AnyStateMachine): boolean {
  return new Inspection(agent).machine(machine);
}

/** Whether it can be put to sleep and woken in another process. */
export function canSleep(logic: AnyActorLogic): boolean {
  return isMachine(logic) || isSkillCall(logic) || logic.start === undefined;
}

export function cannotSleep(agent: string, src: string): TroupeError {
  return new TroupeError(
    "ARGUMENT_INVALID",
    `the machine of agent "${agent}" uses the actor "${src}", which lives in one process (a promise, a callback or an observable): make it a skill and use callSkill("agent.skill") in its place, or use a machine`,
  );
}

function isMachine(logic: AnyActorLogic): logic is AnyStateMachine {
  return "__xstatenode" in logic;
}

interface InvokeConfig {
  src: unknown;
  id?: string;
}

class Inspection {
  readonly #agent: string;
  readonly #seen = new Set<unknown>();
  #callsSkills = false;

  constructor(agent: string) {
    this.#agent = agent;
  }

  machine(machine: AnyStateMachine): boolean {
    if (this.#seen.has(machine)) return this.#callsSkills;
    this.#seen.add(machine);
    const { actors } = machine.implementations as unknown as {
      actors: Record<string, AnyActorLogic>;
    };
    for (const [name, logic] of Object.entries(actors))
      this.#logic(name, logic);
    this.#node(machine.root as unknown as Node, actors);
    return this.#callsSkills;
  }

  #node(node: Node, actors: Record<string, AnyActorLogic>): void {
    for (const invoke of [node.config.invoke ?? []].flat())
      this.#invoked(invoke, node, actors);
    for (const child of Object.values(node.states)) this.#node(child, actors);
  }

  #invoked(
    { src, id }: InvokeConfig,
    node: Node,
    actors: Record<string, AnyActorLogic>,
  ): void {
    if (typeof src !== "string")
      return this.#logic(id ?? `in state ${node.id}`, src as AnyActorLogic);
    if (actors[src]) return; // seen with the machine
    throw new TroupeError(
      "ARGUMENT_INVALID",
      `the machine of agent "${this.#agent}" invokes "${src}" in state "${node.id}", and there is no such actor: give it in setup({ actors })`,
    );
  }

  #logic(name: string, logic: AnyActorLogic): void {
    if (!canSleep(logic)) throw cannotSleep(this.#agent, name);
    if (isSkillCall(logic)) this.#callsSkills = true;
    if (isMachine(logic)) this.machine(logic);
  }
}

interface Node {
  id: string;
  config: { invoke?: InvokeConfig | InvokeConfig[]; on?: object };
  states: Record<string, Node>;
}

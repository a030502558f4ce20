// Lifecycles: XState machines as tables, so that a machine can drive what is on the hot path. A machine without
// context, guards, actions and timers says only which state follows which event; all of that is asked once,
// of xstate's own pure transition functions. A step is then a look into the state at hand.
//
// The convention: a machine stands alone in `NAME.machine.ts`, which exports it (`nameMachine`, by
// `setup().createMachine`, with an `id`) and, where it is tabulated, its `nameLifecycle`. The comment at its
// head tells each state in prose: how it is entered, what leaves it, what it ignores. docs/machines.md is
// drawn of both (`npm run machines`). What happens in a state is the host's: it sends events, and acts by the
// state that it finds itself in.
//
// 1. What the machine does not know in a state changes nothing: `send` answers false, `demand` throws.
// 2. A listener hears of each step when it is done, with the state before it; what it sends is a step of its own.
import {
  initialTransition,
  isMachineSnapshot,
  transition,
  type AnyMachineSnapshot,
  type AnyStateMachine,
  type EventFrom,
  type StateValue,
  type StateValueFrom,
} from "xstate";
import { TroupeError } from "./errors.js";

/** Every state that one may be in, nested ones by their path: "serving" | "serving.paused". */
export type StatePath<Machine extends AnyStateMachine> = Paths<
  StateValueFrom<Machine>
>;
/** The names of its events. */
export type EventName<Machine extends AnyStateMachine> =
  EventFrom<Machine>["type"];

type Paths<Value> = Value extends string
  ? Value
  : {
      [Key in keyof Value & string]: Key | `${Key}.${Paths<Value[Key]>}`;
    }[keyof Value & string];

interface Place {
  /** Of the innermost states; of a machine with parallel states, one of each region, with a blank between. */
  readonly name: string;
  /** The state that one is in, and those around it. */
  readonly paths: ReadonlySet<string>;
  readonly final: boolean;
  /** The place after each event that is known here. */
  readonly next: { [event: string]: Place | undefined };
}

export class Lifecycle<State extends string, Event extends string> {
  readonly name: string;
  readonly initial: Place;
  /** Every place that can be reached, in the order of its discovery. */
  readonly places: readonly Place[];

  constructor(machine: AnyStateMachine) {
    this.name = machine.id;
    const snapshots = new Map<Place, AnyMachineSnapshot>();
    const places = new Map<string, Place>();
    const reach = (snapshot: AnyMachineSnapshot): Place => {
      const name = nameOf(snapshot.value);
      const known = places.get(name);
      if (known) return known;
      const place = {
        name,
        paths: new Set(pathsOf(snapshot.value)),
        final: snapshot.status === "done",
        next: Object.create(null) as Place["next"],
      };
      places.set(name, place);
      snapshots.set(place, snapshot);
      return place;
    };
    this.initial = reach(pure(machine, initialTransition(machine)));
    // A map goes on with what is added while it is gone through.
    for (const [place, snapshot] of snapshots)
      for (const type of place.final ? [] : machine.events)
        if (snapshot.can({ type }))
          place.next[type] = reach(
            pure(machine, transition(machine, snapshot, { type })),
          );
    this.places = [...places.values()];
  }

  /** Begins in the initial state. */
  begin(onStep?: OnStep<State, Event>): Lifetime<State, Event> {
    return new Lifetime(this, this.initial, onStep);
  }

  /** The state after these events; what the machine does not know is passed over. */
  fold(events: Iterable<string>): State {
    let at = this.initial;
    for (const event of events) at = at.next[event] ?? at;
    return at.name as State;
  }
}

type OnStep<State extends string, Event extends string> = (
  now: Lifetime<State, Event>,
  event: Event,
  before: State,
) => void;

/** One walk through a lifecycle. */
export class Lifetime<State extends string, Event extends string> {
  readonly #of: Lifecycle<State, Event>;
  readonly #onStep: OnStep<State, Event> | undefined;
  #at: Place;

  constructor(
    of: Lifecycle<State, Event>,
    at: Place,
    onStep: OnStep<State, Event> | undefined,
  ) {
    this.#of = of;
    this.#at = at;
    this.#onStep = onStep;
  }

  /** The whole of it: of parallel states one a region, with a blank between. */
  get name(): string {
    return this.#at.name;
  }

  /** Of a machine without parallel states. */
  get state(): State {
    return this.#at.name as State;
  }

  /** Whether that is the state it is in, or one around it. */
  in(state: State): boolean {
    return this.#at.paths.has(state);
  }

  get final(): boolean {
    return this.#at.final;
  }

  /** False when the event is not known in this state: then nothing has changed. */
  send(event: Event): boolean {
    const before = this.#at;
    const next = before.next[event];
    if (!next) return false;
    this.#at = next;
    this.#onStep?.(this, event, before.name as State);
    return true;
  }

  /** Throws STATE_REFUSED when the event is not known in this state. */
  demand(event: Event): void {
    if (this.send(event)) return;
    const { name, final, next } = this.#at;
    const instead = final
      ? ", its last state"
      : `: it knows ${Object.keys(next).join(", ")}`;
    throw new TroupeError(
      "STATE_REFUSED",
      `"${event}" is not for a ${this.#of.name} that is ${name}${instead}`,
    );
  }
}

/** The table of a machine. Throws for one that does more than to say which state follows. */
export function tabulate<Machine extends AnyStateMachine>(
  machine: Machine,
): Lifecycle<StatePath<Machine>, EventName<Machine>> {
  return new Lifecycle(machine);
}

function pure(
  { id }: AnyStateMachine,
  [snapshot, actions]: readonly [unknown, readonly unknown[]],
): AnyMachineSnapshot {
  const is = isMachineSnapshot(snapshot) ? snapshot : undefined;
  if (is && actions.length === 0 && Object.keys(is.context ?? {}).length === 0)
    return is;
  throw new TroupeError(
    "ARGUMENT_INVALID",
    `machine "${id}" has context, actions or timers and is no table: let an actor host it`,
  );
}

function nameOf(value: StateValue): string {
  return leavesOf(value).join(" ");
}

function leavesOf(value: StateValue): string[] {
  if (typeof value === "string") return [value];
  return Object.entries(value).flatMap(([state, inner]) =>
    inner === undefined || Object.keys(inner).length === 0
      ? [state]
      : leavesOf(inner).map((leaf) => `${state}.${leaf}`),
  );
}

function pathsOf(value: StateValue): string[] {
  return leavesOf(value).flatMap((leaf) => {
    const steps = leaf.split(".");
    return steps.map((_, at) => steps.slice(0, at + 1).join("."));
  });
}

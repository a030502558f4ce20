// One machine on stage for one message: restored from its record, with its children, in an XState actor system of
// its own, and gone when the message is handled. XState itself runs the children, their messages among each other
// and their ends; what would reach beyond this moment is kept instead of done:
//
// 1. A delayed event becomes a timer of the record, never one of the process.
// 2. A call of a skill becomes an effect, and its actor waits for the task to end.
// 3. A machine's own actions, plain functions, are put off until the record is stored.
// 4. What the root emits becomes an effect.
// 5. After so many steps and messages the machine is taken for endless, and stopped by a throw.
//
// To keep them, it replaces the system's scheduler, its source of ids and each actor's executor of actions, as
// soon as XState tells that the actor is made. These are parts of XState that its types do not show: they are
// named in actors/durable/backstage.ts and nowhere else, and test/actors/durable/step.test.ts fails when one of them changes.
import {
  createActor,
  type AnyActor,
  type AnyActorRef,
  type EventObject,
  type InspectionEvent,
  type Snapshot,
} from "xstate";
import { TroupeError } from "../../protocol/errors.js";
import type { Outcome } from "../../protocol/outcome.js";
import {
  findCall,
  follow,
  isOwn,
  wayTo,
  type Action,
  type Backstage,
} from "./backstage.js";
import {
  endless,
  toFailure,
  tooFar,
  tooLate,
  unnamed,
} from "./stage-failures.js";
import {
  canSleep,
  cannotSleep,
  type ActorDefinition,
} from "./actor-definition.js";
import { effectId, type Call } from "./effects.js";
import type { ActorState, Timer } from "./record.js";
import { latestDue } from "../../bus/tasks/timers.js";
import { callHosts, settledEvent, type CallHost } from "./skill-call.js";

/** What makes ids and times the same whoever handles the message, and however often. */
export interface Cause {
  context: string;
  task: string;
  /** On the server's clock. */
  now: number;
}

/** An action of the machine's own, to be run when the record is stored. */
export interface OwnAction {
  type: string;
  run(): unknown;
}

interface LiveTimer {
  task: string;
  source: AnyActorRef;
  target: AnyActorRef;
  id: string;
  event: EventObject;
  dueAt: number;
}

const maxSteps = 5_000;

export class Stage implements CallHost {
  readonly emitted: { type: string }[] = [];
  readonly actions: OwnAction[] = [];
  /** The calls that were begun, by their task. */
  readonly calls = new Map<string, Call>();
  readonly now: number;
  readonly #definition: ActorDefinition;
  readonly #cause: Cause;
  readonly #root: AnyActor;
  #timers: LiveTimer[] = [];
  #error: { thrown: unknown } | undefined;
  #ids = 0;
  #steps = 0;
  #over = false;

  constructor(
    definition: ActorDefinition,
    cause: Cause,
    from: ActorState | { input: unknown },
  ) {
    this.#definition = definition;
    this.#cause = cause;
    this.now = cause.now;
    this.#root = createActor(definition.machine, {
      id: "root",
      inspect: (event) => this.#inspect(event),
      logger: (...args: unknown[]) => console.log(...args),
      ...("input" in from
        ? { input: from.input }
        : { snapshot: from.snapshot as unknown as Snapshot<unknown> }),
    });
    this.#root.subscribe({ error: (thrown) => (this.#error = { thrown }) });
    this.#root.on("*", (event: { type: string }) => this.emitted.push(event));
    if ("timers" in from) this.#restoreTimers(from.timers);
    this.#root.start();
    this.#check();
  }

  send(event: EventObject): void {
    this.#root.send(event);
    this.#check();
  }

  /** False when there is no such timer any more. */
  fire(task: string): boolean {
    const timer = this.#timers.find((each) => each.task === task);
    if (!timer) return false;
    this.#timers = this.#timers.filter((each) => each !== timer);
    timer.target.send(timer.event);
    this.#check();
    return true;
  }

  /** False when nobody waits for this call any more. */
  settle(task: string, outcome: Outcome): boolean {
    const actor = findCall(this.#root, task);
    if (!actor) return false;
    actor.send(settledEvent(outcome));
    this.#check();
    return true;
  }

  /** What it is now. Nothing may happen to it any more. */
  end(): ActorState & { root: ReturnType<AnyActor["getSnapshot"]> } {
    this.#over = true;
    return {
      snapshot: this.#root.getPersistedSnapshot(),
      timers: this.#timers.flatMap((timer) => this.#toTimer(timer)),
      root: this.#root.getSnapshot(),
    };
  }

  begin(call: Omit<Call, "kind" | "task">): { task: string; agent: string } {
    const task = this.#newId("call");
    this.calls.set(task, { kind: "call", task, ...call });
    return { task, agent: call.agent };
  }

  #newId(kind: "call" | "timer"): string {
    const { agent } = this.#definition;
    const { context, task } = this.#cause;
    return effectId({ agent, context, task }, kind, this.#ids++);
  }

  #inspect(event: InspectionEvent): void {
    if (event.type === "@xstate.actor")
      this.#receive(event.actorRef as unknown as Backstage);
    else if (event.type === "@xstate.microstep") this.#count();
    else if (event.type === "@xstate.event") {
      if (this.#over) throw tooLate(this.#definition.agent);
      this.#count();
    }
  }

  #count(): void {
    if (++this.#steps > maxSteps)
      throw endless(this.#definition.agent, maxSteps);
  }

  #receive(actor: Backstage): void {
    if (!actor._parent) this.#furnish(actor.system);
    else if (!canSleep(actor.logic))
      throw cannotSleep(this.#definition.agent, actor.id);
    else if (typeof actor.src !== "string")
      throw unnamed(this.#definition.agent, actor.id);
    const scope = actor._actorScope;
    const execute = scope.actionExecutor.bind(scope);
    scope.actionExecutor = (action) => {
      if (isOwn(action)) this.#putOff(action);
      else execute(checked(this.#definition.agent, action));
    };
  }

  #putOff({ type, exec, info, params }: Action): void {
    if (exec) this.actions.push({ type, run: () => exec(info, params) });
  }

  #furnish(system: Backstage["system"]): void {
    callHosts.set(system, this);
    let booked = 0;
    const { task } = this.#cause;
    system._bookId = () => `${task}:${booked++}`; // else it would be that of another actor of this process
    system.scheduler.schedule = (source, target, event, delay, id) => {
      const dueAt = this.now + Math.max(0, delay);
      if (!(dueAt < latestDue)) throw tooFar(this.#definition.agent, delay);
      const name = id ?? `${task}:${this.#ids}`;
      system.scheduler.cancel(source, name);
      const timer = { task: this.#newId("timer"), source, target, id: name };
      this.#timers.push({ ...timer, event, dueAt });
    };
    const keep = (wanted: (timer: LiveTimer) => boolean) =>
      (this.#timers = this.#timers.filter(wanted));
    system.scheduler.cancel = (source, id) =>
      void keep((timer) => timer.source !== source || timer.id !== id);
    system.scheduler.cancelAll = (source) =>
      void keep((timer) => timer.source !== source);
  }

  #restoreTimers(timers: readonly Timer[]): void {
    for (const { source, target, ...rest } of timers) {
      const [from, to] = [source, target].map((way) => follow(this.#root, way));
      if (from && to) this.#timers.push({ ...rest, source: from, target: to });
    }
  }

  /** One whose actor is no longer in the machine has nobody to reach. */
  #toTimer({ source, target, ...rest }: LiveTimer): Timer[] {
    const [from, to] = [source, target].map(wayTo);
    const both = [from, to].every(
      (way) => way && follow(this.#root, way) !== undefined,
    );
    return both ? [{ ...rest, source: from!, target: to! }] : [];
  }

  #check(): void {
    const { status, error } = this.#root.getSnapshot() as Snapshot<unknown>;
    if (this.#error)
      throw toFailure(this.#definition.agent, this.#error.thrown);
    if (status === "error") throw toFailure(this.#definition.agent, error);
  }
}

/** XState files a child that was spawned without an id under the name "undefined", where the next one replaces it. */
function checked(agent: string, action: Action): Action {
  const { id } = (action.params ?? {}) as { id?: unknown };
  if (action.type !== "xstate.spawnChild" || id !== undefined) return action;
  throw new TroupeError(
    "HANDLER_REFUSED",
    `the machine of agent "${agent}" uses spawnChild without an id: give it one, spawnChild(…, { id }), so that its child can be found again`,
  );
}

// What XState does not show of its actors, and how to find one among them. Everything here that its types do not
// promise is used by actors/durable/stage.ts; test/actors/durable/step.test.ts fails when one of it changes.
import type { AnyActorRef, EventObject } from "xstate";
import type { canSleep } from "./actor-definition.js";
import type { Persisted } from "./record.js";

export interface Action {
  type: string;
  info: unknown;
  params: unknown;
  exec: ((info: unknown, params: unknown) => unknown) | undefined;
}

export interface Backstage {
  id: string;
  src: unknown;
  logic: Parameters<typeof canSleep>[0];
  _parent?: Backstage & AnyActorRef;
  _actorScope: { actionExecutor(action: Action): void };
  system: {
    _bookId(): string;
    scheduler: {
      schedule(
        source: AnyActorRef,
        target: AnyActorRef,
        event: EventObject,
        delay: number,
        id?: string,
      ): void;
      cancel(source: AnyActorRef, id: string): void;
      cancelAll(source: AnyActorRef): void;
    };
  };
}

/** XState's own actions begin with its name; of these, `log` is for the outside as well. */
export function isOwn({ type }: Action): boolean {
  return !type.startsWith("xstate.") || type === "xstate.log";
}

type Children = Record<string, AnyActorRef>;

function childrenOf(actor: AnyActorRef): Children {
  const { children } = actor.getSnapshot() as { children?: Children };
  return children ?? {};
}

export function follow(
  root: AnyActorRef,
  way: readonly string[],
): AnyActorRef | undefined {
  let actor: AnyActorRef | undefined = root;
  for (const id of way) actor = actor && childrenOf(actor)[id];
  return actor;
}

export function wayTo(actor: AnyActorRef): string[] {
  const way: string[] = [];
  let at = actor as unknown as Backstage;
  for (; at._parent; at = at._parent) way.unshift(at.id);
  return way;
}

export function findCall(
  actor: AnyActorRef,
  task: string,
): AnyActorRef | undefined {
  for (const child of Object.values(childrenOf(actor))) {
    const { status, call } = child.getSnapshot() as unknown as Persisted;
    if (call?.task === task && status === "active") return child;
    const found = findCall(child, task);
    if (found) return found;
  }
  return undefined;
}

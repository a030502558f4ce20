// One message handled by one actor: from its state before to its state after, and what that causes. Pure: it
// reads no clock, no bus and no memory of its own, so that whoever repeats it comes to the same.
import { encodeBody } from "../../protocol/codec.js";
import {
  messageOf,
  toTroupeError,
  TroupeError,
} from "../../protocol/errors.js";
import { encodeToken } from "../../protocol/tokens.js";
import type { Outcome } from "../../protocol/outcome.js";
import type { ActorDefinition } from "./actor-definition.js";
import type { Call, Cancellation, Effect } from "./effects.js";
import type { ActorState, Persisted, Timer } from "./record.js";
import { Stage, type Cause, type OwnAction } from "./stage.js";

export type Message =
  | { kind: "event"; event: { type: string } }
  | { kind: "timer"; task: string }
  | { kind: "settled"; task: string; outcome: Outcome };

/** What the task of an event returns. */
export interface ContextResult<Value = unknown, Output = unknown> {
  /** The state value of the machine after the event. */
  state: Value;
  tags: string[];
  status: "active" | "done";
  /** False when the machine has no use for the event in this state. */
  changed: boolean;
  /** Of a machine that is done. */
  output?: Output;
}

export interface Step {
  state: ActorState;
  effects: Effect[];
  /** To be run when the record is stored. */
  actions: OwnAction[];
  result: ContextResult;
  /** False when there is nothing to store. */
  changed: boolean;
}

/** Throws what the machine throws, as a TroupeError, and SNAPSHOT_REFUSED for a state that is not the machine's. */
export function step(
  definition: ActorDefinition,
  before: ActorState | undefined,
  message: Message,
  cause: Cause,
): Step {
  const stage = enter(definition, before, message, cause);
  try {
    act(stage, message);
    // It stands in a subject.
    for (const { type } of stage.emitted)
      encodeToken(type, "the type of an emitted event");
  } catch (thrown) {
    throw toTroupeError(thrown);
  }
  const { root, ...state } = stage.end();
  const effects = effectsOf(stage, before, state, message);
  const { actions } = stage;
  const changed =
    effects.length > 0 ||
    actions.length > 0 ||
    !before ||
    !isSame(before, state);
  const result: ContextResult = {
    state: root.value,
    tags: [...root.tags],
    status: root.status === "done" ? "done" : "active",
    changed,
    ...(root.output === undefined ? {} : { output: root.output }),
  };
  return { state, effects, actions, result, changed };
}

/** A snapshot that the machine cannot be restored from is not the message's fault. */
function enter(
  definition: ActorDefinition,
  before: ActorState | undefined,
  message: Message,
  cause: Cause,
): Stage {
  const { agent, makeInput } = definition;
  try {
    if (before) return new Stage(definition, cause, before);
    const event = message.kind === "event" ? message.event : { type: "" };
    const input = makeInput({ context: cause.context, event });
    return new Stage(definition, cause, { input });
  } catch (thrown) {
    if (!before) throw toTroupeError(thrown);
    throw new TroupeError(
      "SNAPSHOT_REFUSED",
      `the snapshot of context "${cause.context}" does not fit the machine of agent "${agent}" (${messageOf(thrown)}): give the agent a new snapshotVersion and a migrate function, or serve the version that wrote it`,
      { cause: thrown },
    );
  }
}

function act(stage: Stage, message: Message): void {
  if (message.kind === "event") stage.send(message.event);
  else if (message.kind === "timer") stage.fire(message.task);
  else stage.settle(message.task, message.outcome);
}

function effectsOf(
  stage: Stage,
  before: ActorState | undefined,
  after: ActorState,
  message: Message,
): Effect[] {
  return [
    ...stage.emitted.map((event, index) => ({
      kind: "emit" as const,
      index,
      event,
    })),
    ...callEffects(stage.calls, before?.snapshot, after.snapshot, message),
    ...timerEffects(before?.timers ?? [], after.timers, message),
  ];
}

/** A call that was begun and given up in the same step is never sent. */
function callEffects(
  begun: ReadonlyMap<string, Call>,
  before: Persisted | undefined,
  after: Persisted,
  message: Message,
): (Call | Cancellation)[] {
  const past = callsUnderWay(before);
  const now = callsUnderWay(after);
  const started = [...now.keys()].flatMap((task) => begun.get(task) ?? []);
  const settled = message.kind === "settled" ? message.task : undefined;
  const left = [...past].filter(([task]) => !now.has(task) && task !== settled);
  return [
    ...started,
    ...left.map(([task, agent]) => ({ kind: "cancel" as const, task, agent })),
  ];
}

/** The agents of the calls that are under way, by their tasks. */
function callsUnderWay(
  snapshot: Persisted | undefined,
  found = new Map<string, string>(),
): Map<string, string> {
  if (snapshot?.status !== "active") return found;
  if (snapshot.call) found.set(snapshot.call.task, snapshot.call.agent);
  for (const child of Object.values(snapshot.children ?? {}))
    callsUnderWay(child.snapshot, found);
  return found;
}

function timerEffects(
  before: readonly Timer[],
  after: readonly Timer[],
  message: Message,
): Effect[] {
  const [past, now] = [before, after].map(
    (timers) => new Set(timers.map(({ task }) => task)),
  );
  const fired = message.kind === "timer" ? message.task : undefined;
  return [
    ...after
      .filter(({ task }) => !past!.has(task))
      .map(({ task, dueAt }) => ({ kind: "timer" as const, task, dueAt })),
    ...before
      .filter(({ task }) => !now!.has(task) && task !== fired)
      .map(({ task }) => ({ kind: "forget" as const, task })),
  ];
}

function isSame(before: ActorState, after: ActorState): boolean {
  // Copied, because the encoder uses its buffer again.
  const bytes = Buffer.from(encodeBody([before.snapshot, before.timers]));
  return bytes.equals(encodeBody([after.snapshot, after.timers]));
}

// What the handling of one message causes outside of its actor. An effect is kept in the actor's record until the
// message is acknowledged, and sent as often as that takes: each has an id that follows from the message, so that
// sending it again changes nothing.
import { createHash } from "node:crypto";
import type { Level } from "../../protocol/levels.js";
import type { Need } from "../../protocol/need.js";
import { contextToken } from "../../protocol/tokens.js";

/** The machine emitted an event: it goes to the log. */
interface Emission {
  kind: "emit";
  index: number;
  event: { type: string };
}

/** A skill is called: a durable task, whose end comes back as a message to this context. */
export interface Call {
  kind: "call";
  task: string;
  /** Where the machine says what it needs, found by that before the record is stored. */
  agent: string;
  skill: string;
  need?: Need;
  /** Why it goes there. */
  route?: string;
  /** Nobody met the need: it ends so. */
  refused?: { code: string; message: string };
  input: unknown;
  /** Its input has met the skill's schema already. */
  checked: boolean;
  /** The called agent is known to be stateful. */
  stateful: boolean;
  lane?: string;
  level?: Level;
  key?: string;
  /** Of the task that is called; without it, the caller's own. */
  context?: string;
  /** On the server's clock. */
  deadlineAt?: number;
}

/** The state that called was left. */
export interface Cancellation {
  kind: "cancel";
  task: string;
  agent: string;
}

/** A message to this context that is due later. */
export interface TimerStart {
  kind: "timer";
  task: string;
  dueAt: number;
}

/** The state with the timer was left: what its schedule would bring is ignored, and better not kept. */
interface TimerStop {
  kind: "forget";
  task: string;
}

export type Effect = Emission | Call | Cancellation | TimerStart | TimerStop;

const kinds = { call: "c", timer: "t" } as const;

/** The id of the `n`th call or timer that this message brings about in this context. */
export function effectId(
  { agent, context, task }: { agent: string; context: string; task: string },
  kind: keyof typeof kinds,
  n: number,
): string {
  // Machines of two agents may have a context and a message of the same names, and call the same skill.
  const cause = JSON.stringify([agent, task, n]);
  const hash = createHash("sha256").update(cause).digest("base64url");
  return `${contextToken(context)}~${kinds[kind]}~${hash.slice(0, 20)}`;
}

/** The context's token in the id of a call; undefined for any other id. */
export function callerOf(taskId: string): string | undefined {
  const at = taskId.lastIndexOf(`~${kinds.call}~`);
  return at <= 0 ? undefined : taskId.slice(0, at);
}

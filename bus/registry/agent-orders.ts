// What an agent is ordered, for all its instances in whatever process, also those that start later: a setting,
// so that it outlives everyone. And the word by which instances that live now are told to drain.
import { z } from "zod";
import { decodeBody, encodeBody } from "../../protocol/codec.js";
import { TroupeError } from "../../protocol/errors.js";
import { toNotification } from "../../protocol/rpc.js";
import type { SettingKind } from "../buckets/settings.js";

const schema = z.looseObject({
  /** In all lanes. */
  paused: z.boolean().default(false),
  /** In these, whatever holds for the others. */
  pausedLanes: z.array(z.string()).default([]),
  /** Why, for people. */
  reason: z.string().optional(),
  /** Since when, on the server's clock. */
  since: z.string().optional(),
});

export type AgentOrders = z.infer<typeof schema>;

export const agentOrders: SettingKind<AgentOrders> = {
  kind: "agent",
  schema,
  unset: { paused: false, pausedLanes: [] },
};

export function isPaused(orders: AgentOrders, lane: string): boolean {
  return orders.paused || orders.pausedLanes.includes(lane);
}

interface PauseOrder {
  lane: string | undefined;
  reason: string | undefined;
  since: string;
}

export function withPause(
  orders: AgentOrders,
  { lane, reason, since }: PauseOrder,
): AgentOrders {
  const already = lane === undefined ? orders.paused : isPaused(orders, lane);
  if (already && (reason === undefined || reason === orders.reason))
    return orders;
  const { reason: _before, ...kept } = orders;
  return {
    ...kept,
    since,
    ...(reason === undefined ? {} : { reason }),
    ...(lane === undefined
      ? { paused: true }
      : { pausedLanes: [...new Set([...orders.pausedLanes, lane])] }),
  };
}

/** Throws STATE_REFUSED for one lane of an agent that is paused as a whole. */
export function withoutPause(
  orders: AgentOrders,
  agent: string,
  lane: string | undefined,
): AgentOrders {
  if (lane !== undefined && orders.paused)
    throw new TroupeError(
      "STATE_REFUSED",
      `agent "${agent}" is paused in all lanes, so "${lane}" alone cannot be resumed: resume the agent, then pause the other lanes`,
    );
  const pausedLanes =
    lane === undefined
      ? []
      : orders.pausedLanes.filter((paused) => paused !== lane);
  if (!orders.paused && pausedLanes.length === orders.pausedLanes.length)
    return orders;
  const { reason: _reason, since: _since, ...kept } = orders;
  return pausedLanes.length === 0
    ? { ...kept, paused: false, pausedLanes }
    : { ...orders, paused: false, pausedLanes };
}

/** Of all instances of the agent; where one is named, of that alone. */
const drainNotice = z.object({
  params: z.object({
    instance: z.string().optional(),
    lane: z.string().optional(),
  }),
});
export type DrainNotice = z.infer<typeof drainNotice>["params"];

export function drainBody(notice: DrainNotice): Uint8Array {
  return encodeBody(
    toNotification("notifications/agents/drain", notice),
    "json",
  );
}

/** Undefined for what is none. */
export function parseDrain(body: Uint8Array): DrainNotice | undefined {
  try {
    return drainNotice.parse(decodeBody(body)).params;
  } catch {
    return undefined;
  }
}

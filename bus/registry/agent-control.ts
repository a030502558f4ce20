// Pausing, resuming and draining agents, wherever their instances run. What is ordered is stored first; then
// this waits until every living instance says, by its heartbeat, that it has obeyed. One that does not hear,
// because it is cut off, is waited for until it counts as dead; it takes nothing until it has heard.
import type { InstanceCard } from "../../protocol/card.js";
import type { AgentEventKind } from "../../protocol/agent-events.js";
import { formatMs, toMs, type Duration } from "../../protocol/duration.js";
import { TroupeError } from "../../protocol/errors.js";
import {
  agentOrders,
  drainBody,
  withoutPause,
  withPause,
  type AgentOrders,
} from "./agent-orders.js";
import { recordAgentEvent } from "../history/agent-events.js";
import type { Link } from "../connection/connection.js";
import type { Publisher } from "../streams/publisher.js";
import type { Registry } from "./registry.js";
import type { Settings } from "../buckets/settings.js";

export interface OrderOptions {
  /** Only this lane of the agent. Default all. */
  lane?: string;
  /** How long the instances have to obey. Default 15s; 1m for draining. */
  timeout?: Duration;
}

export interface PauseOptions extends OrderOptions {
  /** Why, for those who ask later. */
  reason?: string;
}

export interface DrainOptions extends OrderOptions {
  /** Only this instance. */
  instance?: string;
}

interface ControlHost {
  link: Link;
  publisher: Publisher;
  registry: Registry;
  settings: Settings;
}

const lookMs = 100;
const obeying: readonly InstanceCard["state"][] = [
  "paused",
  "draining",
  "stopped",
];
/** Of an order that is not about one instance, but about all. */
const noInstance = "-";

/** Resolves, with those that live, when no instance takes tasks any more. Throws WAIT_TIMED_OUT; the order stands. */
export async function pauseAgent(
  host: ControlHost,
  agent: string,
  { lane, reason, timeout = "15s" }: PauseOptions = {},
): Promise<InstanceCard[]> {
  const timeoutMs = toMs(timeout, "timeout");
  const since = new Date(host.link.clock.now()).toISOString();
  await order(host, agent, "paused", { lane, reason }, (orders) =>
    withPause(orders, { lane, reason, since }),
  );
  return untilAll(host, { agent, lane }, timeoutMs, {
    what: "to pause",
    // One that registers has not asked yet whether it is paused; a degraded one may not have heard.
    obeyed: ({ state }) => obeying.includes(state),
  });
}

/** Resolves, with those that live, when all instances take tasks again. Throws WAIT_TIMED_OUT; the order stands. */
export async function resumeAgent(
  host: ControlHost,
  agent: string,
  { lane, timeout = "15s" }: OrderOptions = {},
): Promise<InstanceCard[]> {
  const timeoutMs = toMs(timeout, "timeout");
  const orders = await order(host, agent, "resumed", { lane }, (before) =>
    withoutPause(before, agent, lane),
  );
  return untilAll(host, { agent, lane }, timeoutMs, {
    what: "to resume",
    obeyed: (card) =>
      card.state !== "paused" || orders.pausedLanes.includes(card.lane),
  });
}

/** Resolves, with those that have gone, when the instances that live now have drained. Throws WAIT_TIMED_OUT. */
export async function drainAgent(
  host: ControlHost,
  agent: string,
  { lane, instance, timeout = "1m" }: DrainOptions = {},
): Promise<InstanceCard[]> {
  const timeoutMs = toMs(timeout, "timeout");
  const { link, registry } = host;
  const at = { agent, lane, instance };
  const living = chosen(await registry.instances(agent), at);
  if (instance !== undefined && living.length === 0)
    throw new TroupeError(
      "ARGUMENT_INVALID",
      `agent "${agent}" has no living instance "${instance}": bus.instances() and "npx troupe agents show ${agent}" tell the whole names of those that live`,
    );
  const ids = new Set(living.map((card) => card.instance));
  await untilAll(host, at, timeoutMs, {
    what: "to drain",
    obeyed: (card) => !ids.has(card.instance), // gone, or came later
    // To each by its name, so that one that starts meanwhile is left alone; again, should it get lost.
    remind: (card) =>
      link.send(
        link.subjects.control(agent, "drain"),
        drainBody({ instance: card.instance }),
      ),
  });
  return living;
}

/** Stores it, if it changes anything, and tells the log. */
async function order(
  { settings, link, publisher }: ControlHost,
  agent: string,
  kind: AgentEventKind,
  data: { lane: string | undefined; reason?: string | undefined },
  edit: (orders: AgentOrders) => AgentOrders,
): Promise<AgentOrders> {
  let changed = false;
  const orders = await settings.change(agentOrders, agent, (before) => {
    const after = edit(before);
    changed = after !== before;
    return after;
  });
  if (changed)
    await recordAgentEvent(link, publisher, {
      agent,
      instance: noInstance,
      kind,
      data,
    });
  return orders;
}

interface Where {
  agent: string;
  lane: string | undefined;
  instance?: string | undefined;
}

interface Wish {
  what: string;
  obeyed(this: void, card: InstanceCard): boolean;
  remind?(this: void, card: InstanceCard): void;
}

async function untilAll(
  { registry, link }: ControlHost,
  where: Where,
  timeoutMs: number,
  { what, obeyed, remind }: Wish,
): Promise<InstanceCard[]> {
  const deadline = performance.now() + timeoutMs;
  const reminded = new Map<string, number>();
  for (;;) {
    const living = chosen(await registry.instances(where.agent), where);
    const left = living.filter((card) => !obeyed(card));
    if (left.length === 0) return living;
    const now = performance.now();
    if (now >= deadline) throw disobedience(link, where, left, what, timeoutMs);
    for (const card of left) {
      if (!remind || now - (reminded.get(card.instance) ?? -1e9) < 1_000)
        continue;
      reminded.set(card.instance, now);
      remind(card);
    }
    await new Promise((resolve) => setTimeout(resolve, lookMs));
  }
}

function chosen(
  cards: readonly InstanceCard[],
  { lane, instance }: Where,
): InstanceCard[] {
  return cards.filter(
    (card) =>
      (lane === undefined || card.lane === lane) &&
      (instance === undefined || card.instance === instance),
  );
}

function disobedience(
  link: Link,
  { agent }: Where,
  left: readonly InstanceCard[],
  what: string,
  timeoutMs: number,
): TroupeError {
  const names = left.map(({ instance, pid }) => `"${instance}" (pid ${pid})`);
  return new TroupeError(
    "WAIT_TIMED_OUT",
    `waited ${formatMs(timeoutMs)} for ${left.length} of the instances of "${agent}" at ${link.url} ${what}: ${names.join(", ")}. The order stands; see what they do, or wait longer`,
    { data: { instances: left.map(({ instance }) => instance) } },
  );
}

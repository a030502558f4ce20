// That an agent is paused, as people are told: since when, why, and how to end it.
import { isPaused, type AgentOrders } from "../bus/registry/agent-orders.js";
import type { Bus } from "../troupe.js";
import { commandLine } from "./command-line.js";
import { dateOf } from "./times.js";
import { shorten } from "./table.js";

/** What pauses the agent in this lane, or in any where none is named; undefined when it is not paused there. */
export async function pauseOf(
  bus: Bus,
  agent: string,
  lane?: string,
): Promise<AgentOrders | undefined> {
  const orders = (await bus.agentOrders()).get(agent);
  if (!orders) return undefined;
  const paused =
    lane === undefined
      ? orders.paused || orders.pausedLanes.length > 0
      : isPaused(orders, lane);
  return paused ? orders : undefined;
}

/** "paused since 2030-01-31 12:00:00: maintenance" */
export function pausedText({ since, reason }: AgentOrders): string {
  const when = since === undefined ? "" : ` since ${dateOf(new Date(since))}`;
  return `paused${when}${reason === undefined ? "" : `: ${shorten(reason, 1_000)}`}`;
}

/** The command that ends the pause; of one lane alone, where it is paused alone. */
export function howToResume(
  agent: string,
  { paused }: AgentOrders,
  lane?: string,
): string {
  return paused || lane === undefined
    ? commandLine`agents resume ${agent}`
    : commandLine`agents resume ${agent} --lane ${lane}`;
}

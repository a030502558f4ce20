// What happens to agents and their instances, as it stands on the log beside the events of tasks: a
// notification in JSON, so that every client reads it as it is.
import { z } from "zod";
import { parseAgentEventSubject, type AgentEventAddress } from "./addresses.js";
import { decodeBody, encodeBody } from "./codec.js";
import { contentTypeHeader, type Headers } from "./headers.js";
import { toNotification } from "./rpc.js";

/** All that we record; on the log may be others, of newer versions or of whoever may write there. */
export const agentEventKinds = [
  // Of an instance's life, and what it was ordered.
  "started",
  "paused",
  "resumed",
  "recovered",
  "draining",
  "stopped",
  "lost",
  "card-conflict",
  // Of its agent's lanes and limits.
  "lanes",
  "breaker-opened",
  "breaker-half-opened",
  "breaker-closed",
  "throttled",
  "unthrottled",
  // Of its tasks.
  "stuck",
  "firing-refused",
  // Of orchestrators.
  "leading",
  "fenced",
  "near-limit",
] as const;
export type AgentEventKind = (typeof agentEventKinds)[number];

/** One of ours. */
export interface KnownAgentEvent extends AgentEvent {
  kind: AgentEventKind;
}

export interface AgentEvent extends AgentEventAddress {
  /** What it says beside its kind; whatever JSON can. */
  data: Readonly<Record<string, unknown>>;
  /** When the server stored it. */
  at?: Date;
  /** Its place on the log. */
  sequence?: number;
}

export function agentEventHeaders(
  { kind }: AgentEvent,
  sender: string,
): Headers {
  return {
    type: `agent.${kind}`,
    contentType: contentTypeHeader("json"),
    sender,
  };
}

export function agentEventBody(event: AgentEvent): Uint8Array {
  const { agent, instance, kind, data } = event;
  const params = { agent, instance, kind, data };
  return encodeBody(
    toNotification("notifications/agents/status", params),
    "json",
  );
}

const notification = z.object({
  params: z.object({ data: z.record(z.string(), z.unknown()).default({}) }),
});

/** Throws MESSAGE_UNREADABLE, or what zod throws, for what is none. */
export function parseAgentEvent(
  subject: string,
  headers: Headers,
  body: Uint8Array,
  place: { sequence?: number; at?: Date } = {},
): AgentEvent {
  const address = parseAgentEventSubject(subject);
  const { params } = notification.parse(decodeBody(body, headers.contentType));
  return { ...address, data: params.data, ...place };
}

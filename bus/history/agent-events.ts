// Writes and reads what happens to agents and their instances, on the log.
import { encodeHeaders, type Headers } from "../../protocol/headers.js";
import type { AgentEventAddress, Where } from "../../protocol/addresses.js";
import {
  agentEventBody,
  agentEventHeaders,
  parseAgentEvent,
  type AgentEvent,
  type KnownAgentEvent,
} from "../../protocol/agent-events.js";
import type { Link } from "../connection/connection.js";
import { readable } from "./readable.js";
import { lastMessage, messagesOn, type StoredMessage } from "./stored.js";
import type { Stored } from "../streams/acknowledgement.js";
import type { Publisher } from "../streams/publisher.js";

/** Store it only if this is still the place of the last message on these subjects. Else CONFLICT is thrown. */
export interface Expectation {
  /** 0 where none is expected. */
  last: number;
  /** Of which events; the event's own when it is left out. Names of plain letters only: a header cannot say others as they are. */
  of?: Where<AgentEventAddress>;
}

/** Resolves when it is on the log. */
export function recordAgentEvent(
  link: Link,
  publisher: Publisher,
  event: KnownAgentEvent,
  expectation?: Expectation,
): Promise<Stored> {
  const headers: Headers = agentEventHeaders(event, link.origin);
  if (expectation) {
    headers.expectedLastSubjectSequence = String(expectation.last);
    if (expectation.of)
      headers.expectedLastSubject = link.subjects.agentEventsWhere(
        expectation.of,
      );
  }
  return publisher.store(
    link.subjects.agentEvent(event),
    encodeHeaders(headers),
    agentEventBody(event),
  );
}

/** The newest that fits. */
export async function lastAgentEvent(
  link: Link,
  where: Where<AgentEventAddress>,
): Promise<AgentEvent | undefined> {
  const { streams, agentEventsWhere } = link.subjects;
  const subject = agentEventsWhere(where);
  const stored = await lastMessage(link, streams.events, subject);
  return stored && readable(link, stored, () => toAgentEvent(stored));
}

/** All that are on the log and fit, oldest first. */
export async function* agentEvents(
  link: Link,
  where: Where<AgentEventAddress> = {},
): AsyncGenerator<AgentEvent, void, undefined> {
  const { streams, agentEventsWhere } = link.subjects;
  for await (const stored of messagesOn(
    link,
    streams.events,
    agentEventsWhere(where),
  )) {
    const event = readable(link, stored, () => toAgentEvent(stored));
    if (event) yield event;
  }
}

function toAgentEvent(stored: StoredMessage): AgentEvent {
  const { subject, headers, body, sequence, at } = stored;
  return parseAgentEvent(subject, headers, body, { sequence, at });
}

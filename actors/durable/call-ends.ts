// How a machine hears that a skill it called has ended. The calls of one agent's machines share an origin, which
// stands in the subject of their ends (ADR 0005); one durable consumer, shared by the agent's instances, gets them
// from the log, and each becomes a message to the context that called.
//
// 1. R3: an end is acknowledged only when its message is on the context's queue. Sending it twice is harmless: its
//    id follows from the call's.
// 2. The message only names the call. What came of it is read from the log by who handles the message, so nobody
//    can tell a machine of an end that is not on the log.
import type { Delivery } from "../../bus/delivery/delivery.js";
import { startRelay, type Relay } from "../../bus/delivery/relay.js";
import { subjectFor } from "../../bus/tasks/drafting.js";
import { parseTaskEventSubject } from "../../protocol/addresses.js";
import { encodeHeaders } from "../../protocol/headers.js";
import { taskBody, taskHeaders } from "../../protocol/task-message.js";
import { contextOfToken } from "../../protocol/tokens.js";
import type { ContextStore } from "./context-store.js";
import { callerOf } from "./effects.js";
import {
  hostSkills,
  originOfCalls,
  ownMessage,
  type OutboxHost,
} from "./outbox.js";

export function followCallEnds(
  host: OutboxHost,
  store: ContextStore,
  lane: string,
): Promise<Relay> {
  const { link, agent } = host;
  const origin = originOfCalls(agent, lane);
  return startRelay(
    link,
    {
      stream: link.subjects.streams.events,
      name: origin,
      filter: link.subjects.taskEventsWhere({ kind: "end", origin }),
      ackWaitMs: 3_000,
      slots: 128,
      trouble: "the end of a call could not be told to its context",
    },
    (delivery) => tell(host, store, lane, delivery),
  );
}

async function tell(
  host: OutboxHost,
  store: ContextStore,
  lane: string,
  delivery: Delivery,
): Promise<void> {
  const { taskId, agent } = parseTaskEventSubject(delivery.subject);
  const token = callerOf(taskId);
  const context =
    token && (contextOfToken(token) ?? (await store.nameOf(token)));
  if (!context) return; // nobody's: somebody else uses our origin
  const place = { agent: host.agent, lane, context };
  const end = { call: taskId, agent };
  const spec = ownMessage(place, `${taskId}~end`, hostSkills.settled, end);
  await host.publisher.store(
    subjectFor(host.link, spec),
    encodeHeaders(taskHeaders(spec)),
    taskBody(spec),
  );
}

// What the machines of stateful agents emit, as events of the log: each is stored once under a subject of its own,
// however often it is sent.
import type { Msg } from "@nats-io/transport-node";
import { z } from "zod";
import { decodeBody, encodeBody } from "../../protocol/codec.js";
import { encodeHeaders } from "../../protocol/headers.js";
import { toNotification } from "../../protocol/rpc.js";
import type { EmittedAddress } from "../../protocol/subjects.js";
import { decodeToken, tokenAt } from "../../protocol/tokens.js";
import type { Link } from "../connection/connection.js";
import { headersOf } from "../delivery/delivery.js";
import { readable } from "./readable.js";
import { messagesOn, type StoredMessage } from "./stored.js";
import type { Publisher } from "../streams/publisher.js";
import { Queue } from "./queue.js";

export interface EmittedEvent<Event = { type: string }> {
  agent: string;
  context: string;
  event: Event;
  /** The task whose handling emitted it. */
  task: string;
  at: Date;
  /** Its place on the log. */
  sequence: number;
}

interface EmittedFilter {
  agent: string;
  context?: string;
  type?: string;
  /** Go on with what comes. Default false: end with what is there. */
  follow?: boolean;
}

/** Resolves when it is on the log, by this call or an earlier one. */
export function storeEmitted(
  publisher: Publisher,
  link: Link,
  address: EmittedAddress,
  event: unknown,
  sender: string,
): Promise<void> {
  const headers = encodeHeaders({
    type: "context.emitted",
    sender,
    context: address.context,
    expectedLastSubjectSequence: "0",
  });
  const body = encodeBody(
    toNotification("notifications/context/emitted", { event }),
  );
  return new Promise((resolve, reject) => {
    publisher.publish(
      link.subjects.emitted(address),
      headers,
      body,
      (error) => {
        if (!error || error.code === "CONFLICT") resolve();
        else reject(error);
      },
    );
  });
}

const emittedBody = z.object({
  params: z.object({ event: z.looseObject({ type: z.string() }) }),
});

type Emitted = Pick<StoredMessage, "subject" | "headers" | "body" | "at"> & {
  sequence: number;
};

function parseEmitted({
  subject,
  headers,
  body,
  at,
  sequence,
}: Emitted): EmittedEvent {
  const { event } = emittedBody.parse(
    decodeBody(body, headers.contentType),
  ).params;
  return {
    agent: decodeToken(tokenAt(subject, 3)),
    context: headers.context ?? decodeToken(tokenAt(subject, 4)),
    task: decodeToken(tokenAt(subject, 6)),
    event,
    at,
    sequence,
  };
}

/** Oldest first; with `follow`, what is there and then what comes, with no gap and no duplicate. */
export async function* emittedEvents(
  link: Link,
  { follow = false, ...where }: EmittedFilter,
): AsyncGenerator<EmittedEvent, void, undefined> {
  const { streams, emittedWhere } = link.subjects;
  const subject = emittedWhere(where);
  const queue = new Queue<Emitted | "look">();
  const stop = follow ? listen(link, where, queue) : () => undefined;
  let last = 0;
  const fresh = (stored: Emitted): EmittedEvent | undefined => {
    if (stored.sequence <= last) return undefined;
    last = stored.sequence;
    return readable(link, stored, () => parseEmitted(stored));
  };
  try {
    for (let next: Emitted | "look" = "look"; ;) {
      const found =
        next === "look"
          ? messagesOn(link, streams.events, subject, last + 1)
          : [next];
      for await (const stored of found) {
        const event = fresh(stored);
        if (event) yield event;
      }
      if (!follow) return;
      next = await queue.next();
    }
  } finally {
    stop();
  }
}

function listen(
  link: Link,
  where: Omit<EmittedFilter, "follow">,
  queue: Queue<Emitted | "look">,
): () => void {
  const subject = link.subjects.emittedWhere(where, "stored");
  const heard = (msg: Msg): void => {
    const headers = headersOf(msg);
    const sequence = Number(headers.sequence);
    const at = new Date(headers.storedAt ?? 0);
    queue.push({ subject: msg.subject, headers, body: msg.data, at, sequence });
  };
  const stops = [
    link.hear(subject, heard),
    // What came while the connection was lost was not heard.
    link.onReconnect(() => queue.push("look")),
    link.onClose((error) => queue.fail(error)),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

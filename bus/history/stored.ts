// Reading what a stream has, without a consumer: by direct gets. Where a stream has replicas any of them may answer, also
// one that lags behind: then what was stored a moment ago is not there yet, and what was removed is there once more. What
// must not be missed is asked of the replica that leads.
import type { MsgRequest, StoredMsg } from "@nats-io/jetstream";
import type { Headers } from "../../protocol/headers.js";
import { reading } from "../connection/reading.js";
import { requestFailed } from "../connection/request-failed.js";
import type { Link } from "../connection/connection.js";
import { isDenied } from "../connection/denied.js";
import { headersFromNats } from "../delivery/delivery.js";
import { isNotFound, readBatch } from "./batch.js";

const pageSize = 256;

export interface StoredMessage {
  stream: string;
  subject: string;
  sequence: number;
  at: Date;
  headers: Headers;
  body: Uint8Array;
}

function toStoredMessage(stream: string, stored: StoredMsg): StoredMessage {
  const { subject, seq: sequence, time: at, data: body } = stored;
  return {
    stream,
    subject,
    sequence,
    at,
    headers: stored.header ? headersFromNats(stored.header) : {},
    body,
  };
}

/** The newest message whose subject fits, if there is one. */
export function lastMessage(
  link: Link,
  stream: string,
  subject: string,
): Promise<StoredMessage | undefined> {
  const what = `the newest message on "${subject}"`;
  return message(link, stream, { last_by_subj: subject }, what);
}

/** The message at a place; undefined when nothing is there any more. */
export function messageAt(
  link: Link,
  stream: string,
  sequence: number,
): Promise<StoredMessage | undefined> {
  return message(link, stream, { seq: sequence }, `message ${sequence}`);
}

/** The same as it is now, whatever lags behind. */
export function lastMessageNow(
  link: Link,
  stream: string,
  subject: string,
): Promise<StoredMessage | undefined> {
  const what = `the newest message on "${subject}"`;
  const query = { last_by_subj: subject };
  return message(link, stream, query, what, !mayLag(link));
}

/** Undefined where there is none, whatever lags behind, or where none does. */
export function messageMissed(
  link: Link,
  stream: string,
  subject: string,
  after: number,
): Promise<StoredMessage | undefined> {
  if (!mayLag(link)) return Promise.resolve(undefined);
  const what = `what follows message ${after} on "${subject}"`;
  const query = { seq: after + 1, next_by_subj: subject };
  return message(link, stream, query, what, false);
}

/** Who may not ask the replica that leads takes what any of them says. */
const refused = new WeakSet<Link>();

const mayLag = (link: Link): boolean => link.replicas > 1 && !refused.has(link);

async function message(
  link: Link,
  stream: string,
  query: MsgRequest,
  what: string,
  isDirect = true,
): Promise<StoredMessage | undefined> {
  try {
    const { direct, streams } = link.jsm;
    const stored = await reading(link, () =>
      isDirect
        ? direct.getMessage(stream, query)
        : streams.getMessage(stream, query),
    );
    return stored ? toStoredMessage(stream, stored) : undefined;
  } catch (cause) {
    if (isNotFound(cause)) return undefined;
    if (!isDirect && isDenied(cause)) {
      refused.add(link);
      return message(link, stream, query, what);
    }
    throw requestFailed(
      link,
      `could not read ${what} of stream "${stream}"`,
      cause,
    );
  }
}

/** All messages whose subject fits, oldest first, read a page at a time: a reader may take its time over each. */
export async function* messagesOn(
  link: Link,
  stream: string,
  subject: string,
  first = 1,
): AsyncGenerator<StoredMessage> {
  for (let from = first; ;) {
    const query = { seq: from, next_by_subj: subject, batch: pageSize };
    const { messages, hasMore } = await readBatch(link, stream, query, subject);
    for (const message of messages) yield toStoredMessage(stream, message);
    if (!hasMore) return; // a short page may be one of large messages
    from = messages.at(-1)!.seq + 1;
  }
}

/** The same before a place, newest first. Reads ever larger pieces where little is found. */
export async function* messagesBefore(
  link: Link,
  stream: string,
  subject: string,
  before = Number.POSITIVE_INFINITY,
): AsyncGenerator<StoredMessage> {
  const { state } = await link.jsm.streams.info(stream);
  let width = pageSize;
  let last = Math.min(before - 1, state.last_seq);
  while (last >= state.first_seq) {
    const first = Math.max(state.first_seq, last + 1 - width);
    const found: StoredMessage[] = [];
    for await (const stored of messagesOn(link, stream, subject, first)) {
      if (stored.sequence > last) break;
      found.push(stored);
    }
    yield* found.toReversed();
    if (found.length < pageSize / 4) width *= 4;
    else if (found.length > pageSize) width = pageSize;
    last = first - 1;
  }
}

/**
 * All messages whose subject fits, oldest first, where few of a large stream do, as they were at one moment: none that
 * came before another is missing. Given a filter with wildcards the server walks through the stream; which subjects
 * fit, and what is on one of them, it knows.
 */
export async function fewMessagesOn(
  link: Link,
  stream: string,
  filter: string,
): Promise<StoredMessage[]> {
  const newest = await newestOfFew(link, stream, filter);
  if (!newest) return allOn(link, stream, filter);
  const found = await Promise.all(
    newest.map(({ subject }) => allOn(link, stream, subject)),
  );
  // What is on a subject that is new since is not here.
  let known = Math.max(0, ...newest.map(({ sequence }) => sequence));
  // Of replicas one may lag behind the one that said what there is.
  if (link.replicas > 1)
    for (const [at, { sequence }] of newest.entries()) {
      const last = found[at]!.at(-1)?.sequence ?? 0;
      if (last < sequence) known = Math.min(known, last);
    }
  return found
    .flat()
    .filter(({ sequence }) => sequence <= known)
    .toSorted(bySequence);
}

/** The same where no subject has more than one. */
export async function newestOnEach(
  link: Link,
  stream: string,
  filter: string,
): Promise<StoredMessage[]> {
  const newest = await newestOfFew(link, stream, filter);
  return newest?.toSorted(bySequence) ?? allOn(link, stream, filter);
}

/** The newest on each subject; undefined where these are too many to be found at once. */
async function newestOfFew(
  link: Link,
  stream: string,
  filter: string,
): Promise<StoredMessage[] | undefined> {
  const query = { multi_last: [filter], batch: pageSize };
  const { messages, hasMore } = await readBatch(link, stream, query, filter);
  if (hasMore) return undefined;
  return messages.map((message) => toStoredMessage(stream, message));
}

async function allOn(
  link: Link,
  stream: string,
  subject: string,
): Promise<StoredMessage[]> {
  const found: StoredMessage[] = [];
  for await (const stored of messagesOn(link, stream, subject))
    found.push(stored);
  return found;
}

function bySequence(a: StoredMessage, b: StoredMessage): number {
  return a.sequence - b.sequence;
}

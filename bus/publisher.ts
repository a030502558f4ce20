// The lean JetStream publisher. The client's own costs a promise, a timer and an inbox entry a message;
// this one has one reply subscription and one sweep for all of them.
//
// 1. Every publish ends in exactly one call of `done`: stored, refused, or out of time (R9).
// 2. What was not acknowledged when the connection broke is sent again after the reconnect; so is what no answer
//    came to for a while, since in a cluster the server that leads the stream may die, and not ours. It then says
//    in a header that it may be on the log already. Callers send only what is harmless twice: a task, whose
//    reader looks at the log when it sees that header; or what carries a message id or an expected sequence.
// 3. An answer that JetStream is not ready (a restart, an election) is no failure: it is sent again.
import type { Msg } from "@nats-io/transport-node";
import { formatMs } from "../protocol/duration.js";
import { TroupeError } from "../protocol/errors.js";
import { markMaybeKnown, maybeKnownLength } from "../protocol/headers.js";
import { newToken } from "../protocol/ids.js";
import type { Link } from "./connection.js";
import { asNatsHeaders, type WireHeaders } from "./wire-headers.js";

export interface Stored {
  stream: string;
  sequence: number;
  /** The server had this message id already, or the queue a message on its subject. */
  duplicate: boolean;
}

export type Done = (
  error: TroupeError | undefined,
  stored: Stored | undefined,
) => void;

export interface PublishOptions {
  timeoutMs?: number | undefined;
  /** The origin of a connection that hears the acknowledgement as well. */
  hearer?: string | undefined;
}

/** One message under way. It is also what the client's publish takes as its options. */
class Pending {
  readonly subject: string;
  readonly body: Uint8Array;
  headers: WireHeaders;
  readonly reply: string;
  readonly done: Done;
  readonly startedAt = Date.now();
  readonly timeoutMs: number;
  /** When to send it again, should there be no answer, or should JetStream not be ready. */
  resendAt = this.startedAt + firstSilenceMs;
  sends = 0;

  constructor(
    subject: string,
    headers: Uint8Array,
    body: Uint8Array,
    reply: string,
    done: Done,
    timeoutMs: number,
  ) {
    this.subject = subject;
    this.headers = asNatsHeaders(headers);
    this.body = body;
    this.reply = reply;
    this.done = done;
    this.timeoutMs = timeoutMs;
  }
}

const defaultTimeoutMs = 30_000;
const sweepMs = 200;
const notReadyDelayMs = 200;
const firstSilenceMs = 2_000;

export class Publisher {
  readonly #link: Link;
  readonly #token = newToken();
  readonly #inbox = `_INBOX.${this.#token}.`;
  readonly #pending = new Map<string, Pending>();
  #count = 0;
  #sweep: NodeJS.Timeout | undefined;
  #confirms = false;

  constructor(link: Link) {
    this.#link = link;
    link.listen(`${this.#inbox}*`, (msg) => this.#acknowledged(msg));
    link.onReconnect(() => this.#resendAll());
    link.onRefusal((refusal) => {
      if (refusal.operation === "publish")
        this.#failSubject(refusal.subject, refusal.error);
    });
    link.onClose((error) => this.#failAll(error));
  }

  get pending(): number {
    return this.#pending.size;
  }

  /**
   * Calls `done` once, later: with the place on the log, or with what went wrong. Throws only for what can never
   * be sent. Returns the subject of the acknowledgement.
   */
  publish(
    subject: string,
    headers: Uint8Array,
    body: Uint8Array,
    done: Done,
    { timeoutMs = defaultTimeoutMs, hearer }: PublishOptions = {},
  ): string {
    if (this.#link.closed) throw this.#link.closedError();
    const markedLength = headers.length + maybeKnownLength; // should it have to be sent again
    checkSize(this.#link, subject, markedLength + body.length);
    const id = (this.#count++).toString(36);
    const reply =
      hearer === undefined ? this.#inbox + id : this.#confirmation(hearer, id);
    const pending = new Pending(subject, headers, body, reply, done, timeoutMs);
    this.#pending.set(id, pending);
    this.#sweep ??= setInterval(() => this.#sweepPending(), sweepMs);
    this.#send(pending);
    return reply;
  }

  /** The same as a promise, where a promise does not matter. */
  store(
    subject: string,
    headers: Uint8Array,
    body: Uint8Array,
    timeoutMs?: number,
  ): Promise<Stored> {
    return new Promise((resolve, reject) => {
      this.publish(
        subject,
        headers,
        body,
        (error, stored) => (stored ? resolve(stored) : reject(error!)),
        { timeoutMs },
      );
    });
  }

  #confirmation(hearer: string, id: string): string {
    const { subjects } = this.#link;
    if (!this.#confirms) {
      this.#confirms = true;
      this.#link.listen(subjects.confirmationsOf(this.#token), (msg) =>
        this.#acknowledged(msg),
      );
    }
    return subjects.confirmation(hearer, this.#token, id);
  }

  #send(pending: Pending): void {
    if (!this.#link.connected) return;
    if (pending.sends === 1)
      pending.headers = asNatsHeaders(markMaybeKnown(pending.headers.encode()));
    pending.sends++;
    this.#link.nats.publish(pending.subject, pending.body, pending);
  }

  #acknowledged(msg: Msg): void {
    const id = msg.subject.slice(msg.subject.lastIndexOf(".") + 1);
    const pending = this.#pending.get(id);
    if (!pending) return;
    if (msg.headers?.code === 503) return this.#delay(pending);
    const answer = parseAck(msg.data);
    if (answer instanceof AckError && answer.notReady)
      return this.#delay(pending);
    this.#finish(id);
    if (answer instanceof AckError && answer.alreadyThere)
      pending.done(undefined, { stream: "", sequence: 0, duplicate: true });
    else if (answer instanceof AckError)
      pending.done(answer.toTroupeError(pending.subject), undefined);
    else pending.done(undefined, answer);
  }

  #delay(pending: Pending): void {
    pending.resendAt = Date.now() + notReadyDelayMs;
  }

  #finish(id: string): void {
    this.#pending.delete(id);
    if (this.#pending.size === 0) {
      clearInterval(this.#sweep);
      this.#sweep = undefined;
    }
  }

  #sweepPending(): void {
    const now = Date.now();
    for (const [id, pending] of this.#pending) {
      if (now - pending.startedAt > pending.timeoutMs) {
        this.#finish(id);
        pending.done(outOfTime(this.#link, pending), undefined);
      } else if (pending.resendAt <= now) {
        pending.resendAt = now + firstSilenceMs * 2 ** pending.sends;
        this.#send(pending);
      }
    }
  }

  #resendAll(): void {
    for (const pending of this.#pending.values()) this.#send(pending);
  }

  #failSubject(subject: string, error: TroupeError): void {
    for (const [id, pending] of this.#pending) {
      if (pending.subject !== subject) continue;
      this.#finish(id);
      pending.done(error, undefined);
    }
  }

  #failAll(error: TroupeError): void {
    for (const [id, pending] of this.#pending) {
      this.#finish(id);
      pending.done(error, undefined);
    }
  }
}

export function checkSize(link: Link, subject: string, bytes: number): void {
  if (bytes <= link.maxPayload) return;
  throw new TroupeError(
    "PAYLOAD_TOO_LARGE",
    `the message to "${subject}" has ${bytes} bytes and the server takes ${link.maxPayload}: send less, store it elsewhere and send where it is, or raise max_payload in nats.conf`,
    { data: { bytes, limit: link.maxPayload } },
  );
}

function outOfTime(link: Link, pending: Pending): TroupeError {
  const state = link.connected
    ? "connected, but it did not answer"
    : "not connected";
  return new TroupeError(
    "WAIT_TIMED_OUT",
    `waited ${formatMs(pending.timeoutMs)} for nats-server at ${link.url} to store a message on "${pending.subject}" (${state}): it may or may not be stored; publish again with the same id`,
  );
}

class AckError {
  readonly code: number;
  readonly description: string;

  constructor(code: number, description: string) {
    this.code = code;
    this.description = description;
  }

  /** 10008: JetStream is starting or without a leader; 10009 and 10074: no quorum yet. */
  get notReady(): boolean {
    return this.code === 10008 || this.code === 10009 || this.code === 10074;
  }

  /** A queue holds a message on this subject, and longer than the server remembers message ids. */
  get alreadyThere(): boolean {
    return this.code === 10077 && /per subject/.test(this.description);
  }

  toTroupeError(subject: string): TroupeError {
    if (this.code === 10071 || this.code === 10164) {
      return new TroupeError(
        "CONFLICT",
        `another message was stored first on "${subject}": ${this.description}`,
      );
    }
    if (
      this.code === 10077 ||
      this.code === 10047 ||
      this.code === 10023 ||
      this.code === 10122
    ) {
      return new TroupeError(
        "STREAM_FULL",
        `the server cannot store a message on "${subject}": ${this.description}. Raise the limit, or let workers catch up`,
        { data: { description: this.description } },
      );
    }
    return new TroupeError(
      "BUS_FAILED",
      `the server refused a message on "${subject}": ${this.description} (${this.code})`,
    );
  }
}

/** `{"stream":"NAME", "seq":N}`, with `"duplicate": true` where it is one, in nearly all cases. */
const plainAck = /^\{"stream":"([^"]+)", ?"seq":(\d+)\}$/;

interface AckBody {
  stream: string;
  seq: number;
  duplicate?: boolean;
  error?: { err_code?: number; code: number; description: string };
}

function parseAck(data: Uint8Array): Stored | AckError {
  const text = decoder.decode(data);
  const plain = plainAck.exec(text);
  if (plain)
    return { stream: plain[1]!, sequence: Number(plain[2]), duplicate: false };
  const answer = parseJson(text);
  if (answer === undefined)
    return new AckError(
      0,
      `"${text.slice(0, 64)}" is no answer of JetStream: somebody else answers on this subject, or no stream has it`,
    );
  if (answer.error)
    return new AckError(
      answer.error.err_code ?? answer.error.code,
      answer.error.description,
    );
  return {
    stream: answer.stream,
    sequence: answer.seq,
    duplicate: answer.duplicate === true,
  };
}

/** Anyone may answer, and what throws in a subscription's callback ends the connection. */
function parseJson(text: string): AckBody | undefined {
  try {
    const answer = JSON.parse(text) as Partial<AckBody> | null;
    return answer?.error || typeof answer?.seq === "number"
      ? (answer as AckBody)
      : undefined;
  } catch {
    return undefined;
  }
}

const firstOfSuccess = '{"stream"'.charCodeAt(2);

/** Whether the server has stored the message that this answers; told without reading all of it. */
export function saysStored(acknowledgement: Uint8Array): boolean {
  return acknowledgement[2] === firstOfSuccess; // what went wrong would stand first: {"error"
}

const decoder = new TextDecoder("latin1");

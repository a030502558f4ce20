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
import { TroupeError } from "../../protocol/errors.js";
import {
  batchHeadersLength,
  maybeKnownLength,
} from "../../protocol/headers.js";
import { newToken } from "../../protocol/ids.js";
import { AckError, parseAck, type Stored } from "./acknowledgement.js";
import type { Link } from "../connection/connection.js";
import { GroupCommit, type Group, type GroupSender } from "./group-commit.js";
import { firstSilenceMs, Pending, type Done } from "./pending.js";
import { Slots } from "./slots.js";

interface PublishOptions {
  timeoutMs?: number | undefined;
  /** The origin of a connection that hears the acknowledgement as well. */
  hearer?: string | undefined;
}

const defaultTimeoutMs = 30_000;
const sweepMs = 200;

export class Publisher implements GroupSender<Pending> {
  readonly #link: Link;
  readonly #token = newToken();
  readonly #inbox = `_INBOX.${this.#token}.`;
  readonly #pending = new Slots<Pending>();
  /** Groups whose answer is awaited, by its subject's last token. */
  readonly #batches = new Map<string, Group<Pending>>();
  readonly #groups: GroupCommit<Pending> | undefined;
  #count = 0;
  #sweep: NodeJS.Timeout | undefined;
  #confirms = false;

  constructor(link: Link) {
    this.#link = link;
    if (link.commitsGroups) this.#groups = new GroupCommit(link, this);
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

  /** Whether each message has an answer of its own, which a `hearer` can hear. */
  get answersEach(): boolean {
    return this.#groups === undefined;
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
    // Should it have to be sent again, or with others.
    const more = this.#groups ? batchHeadersLength : maybeKnownLength;
    const markedLength = headers.length + more;
    checkSize(this.#link, subject, markedLength + body.length);
    const place = this.#count++;
    const pending = new Pending(place, subject, headers, body, done, timeoutMs);
    pending.slot = this.#pending.add(pending);
    const id = `${pending.slot}-${place.toString(36)}`;
    pending.reply =
      hearer === undefined ? this.#inbox + id : this.#confirmation(hearer, id);
    this.#sweep ??= setInterval(() => this.#sweepPending(), sweepMs);
    this.#send(pending);
    return pending.reply;
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
    pending.sends++;
    if (pending.sends === 1 && this.#groups?.add(pending)) return;
    if (pending.sends > 1) this.#leaveGroup(pending);
    if (pending.sends === 2) pending.markMaybeKnown();
    this.#link.nats.publish(pending.subject, pending.body, pending);
  }

  sendAlone(pending: Pending, group?: Group<Pending>): void {
    pending.group = group;
    pending.resendIn(firstSilenceMs);
    this.#link.nats.publish(pending.subject, pending.body, pending);
  }

  expectAnswer(group: Group<Pending>): string {
    group.id = `b${(this.#count++).toString(36)}`;
    for (const pending of group.messages) {
      pending.group = group;
      pending.resendIn(firstSilenceMs);
    }
    this.#batches.set(group.id, group);
    return this.#inbox + group.id;
  }

  #acknowledged(msg: Msg): void {
    const id = msg.subject.slice(msg.subject.lastIndexOf(".") + 1);
    const pending = this.#pendingOf(id);
    if (!pending) return this.#groupAnswered(id, msg);
    if (msg.headers?.code === 503) return pending.notTaken();
    const answer = parseAck(msg.data);
    if (answer instanceof AckError && answer.notReady)
      return pending.notTaken();
    const { group } = pending;
    pending.group = undefined;
    this.#finish(pending);
    if (group) this.#groups?.answered(group);
    pending.answered(answer);
  }

  /** Its place in the slots stands first, but that may be another's by now. */
  #pendingOf(id: string): Pending | undefined {
    const pending = this.#pending.at(Number.parseInt(id, 10));
    return pending?.reply.endsWith(id) ? pending : undefined;
  }

  /** Stored as a whole, or not at all. */
  #groupAnswered(id: string, msg: Msg): void {
    const group = this.#batches.get(id);
    if (!group) return;
    this.#batches.delete(id);
    const answer = parseAck(msg.data);
    let sequence =
      answer instanceof AckError ? 0 : answer.sequence - group.messages.length;
    for (const pending of group.messages) {
      sequence++;
      if (pending.group !== group) continue; // sent again, or given up
      pending.group = undefined;
      if (answer instanceof AckError) this.sendAlone(pending);
      else {
        this.#finish(pending);
        pending.done(undefined, { ...answer, sequence });
      }
    }
    if (answer instanceof AckError) this.#groups?.givenUp(group);
    else this.#groups?.answered(group);
  }

  #leaveGroup(pending: Pending): void {
    const { group } = pending;
    if (!group) return;
    pending.group = undefined;
    if (group.id !== undefined) this.#batches.delete(group.id);
    this.#groups?.givenUp(group);
  }

  #finish(pending: Pending): void {
    this.#pending.remove(pending.slot);
    this.#leaveGroup(pending);
    if (this.#pending.size === 0) {
      clearInterval(this.#sweep);
      this.#sweep = undefined;
    }
  }

  #sweepPending(): void {
    const now = performance.now();
    for (const pending of this.#pending) {
      if (now - pending.startedAt > pending.timeoutMs) {
        this.#finish(pending);
        pending.done(pending.outOfTime(this.#link), undefined);
      } else if (pending.resendAt <= now) {
        pending.resendAt = now + firstSilenceMs * 2 ** pending.sends;
        this.#send(pending);
      }
    }
  }

  #resendAll(): void {
    this.#groups?.clear();
    const inOrder = [...this.#pending].sort((a, b) => a.place - b.place);
    for (const pending of inOrder) this.#send(pending);
  }

  #failSubject(subject: string, error: TroupeError): void {
    for (const pending of this.#pending) {
      if (pending.subject !== subject) continue;
      this.#finish(pending);
      pending.done(error, undefined);
    }
  }

  #failAll(error: TroupeError): void {
    this.#groups?.clear(); // nothing that waits may be sent any more
    for (const pending of this.#pending) {
      this.#finish(pending);
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

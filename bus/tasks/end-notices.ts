// Telling submitters that their tasks have ended, so that what is heard is on the log (R2).
//
// 1. Under load, who stores a terminal event tells of it once the server has acknowledged it. Acknowledgements come in
//    bursts, and all ends of a burst go out as one message: a JSON-RPC batch of the responses that the events hold.
// 2. Alone, an end is told at once, together with the subject of its acknowledgement, which the server then sends to
//    the submitter as well. Only both together count (bus/tasks/told-ends.ts). This saves a message's way to and fro.
// 3. A notice may be lost. Whoever waits looks at the log now and then (bus/tasks/outcomes.ts).
import { batchOf } from "../../protocol/batch.js";
import {
  contentTypeHeader,
  encodeHeaders,
  type ContentType,
} from "../../protocol/headers.js";
import type { Link } from "../connection/connection.js";

/** A notice is sent before it grows larger, and so before it has more ends than a batch may. */
const enoughBytes = 64 * 1024;
const headerBytes = 1_024;
const separatorBytes = 1;

interface End {
  agent: string;
  origin: string;
  contentType: ContentType;
  /** The terminal event's. */
  body: Uint8Array;
}

interface Notice {
  subject: string;
  contentType: ContentType;
  bodies: Uint8Array[];
  bytes: number;
}

export class EndNotices {
  readonly #link: Link;
  readonly #notices: Notice[] = [];
  /** Ends without an acknowledgement yet; how many began since there was none; and how many the time before. */
  #underWay = 0;
  #burst = 0;
  #lastBurst = 0;

  constructor(link: Link) {
    this.#link = link;
  }

  /** An end is about to be published; true if it goes alone, as the one before did. */
  begin(): boolean {
    this.#burst++;
    return this.#underWay++ === 0 && this.#lastBurst < 2;
  }

  /** The server has answered. */
  finish(): void {
    if (--this.#underWay > 0) return;
    this.#lastBurst = this.#burst;
    this.#burst = 0;
  }

  /** Of an end that is on the log. */
  tell({ agent, origin, contentType, body }: End): void {
    const subject = this.#link.subjects.ended(agent, origin);
    let notice = this.#noticeTo(subject, contentType);
    if (!this.#hasRoom(notice, body)) {
      this.#notices.splice(this.#notices.indexOf(notice), 1);
      this.#send(notice);
      notice = this.#noticeTo(subject, contentType);
    }
    notice.bodies.push(body);
    notice.bytes += body.length + separatorBytes;
  }

  /** Of an end that counts when the server has acknowledged it on the subject `confirmation`. */
  foretell(
    { agent, origin, contentType, body }: End,
    confirmation: string,
  ): void {
    if (!this.#link.connected) return;
    this.#link.send(
      this.#link.subjects.ended(agent, origin),
      batchOf([body], contentType),
      encodeHeaders({
        confirmation,
        contentType: contentTypeHeader(contentType),
      }),
    );
  }

  #noticeTo(subject: string, contentType: ContentType): Notice {
    for (const notice of this.#notices)
      if (notice.subject === subject && notice.contentType === contentType)
        return notice;
    if (this.#notices.length === 0) queueMicrotask(() => this.#sendAll());
    const notice = { subject, contentType, bodies: [], bytes: 0 };
    this.#notices.push(notice);
    return notice;
  }

  /** One end alone always has: it left room for its headers. */
  #hasRoom({ bodies, bytes }: Notice, body: Uint8Array): boolean {
    const most = Math.min(enoughBytes, this.#link.maxPayload - headerBytes);
    return bodies.length === 0 || bytes + body.length <= most;
  }

  #sendAll(): void {
    for (const notice of this.#notices.splice(0)) this.#send(notice);
  }

  #send({ subject, contentType, bodies }: Notice): void {
    if (!this.#link.connected) return;
    const header = contentTypeHeader(contentType);
    const headers = header && encodeHeaders({ contentType: header });
    const body = batchOf(bodies, contentType);
    this.#link.send(subject, body, headers || undefined);
  }
}

// One message under way to its stream: when it is sent again, and what the server's answer means for who published it.
import { formatMs } from "../../protocol/duration.js";
import { TroupeError } from "../../protocol/errors.js";
import { markMaybeKnown } from "../../protocol/headers.js";
import type { Link } from "../connection/connection.js";
import { asNatsHeaders, type WireHeaders } from "../connection/wire-headers.js";
import { AckError, type Stored } from "./acknowledgement.js";
import type { Group, Groupable } from "./group-commit.js";

export type Done = (
  error: TroupeError | undefined,
  stored: Stored | undefined,
) => void;

const notReadyDelayMs = 200;
export const firstSilenceMs = 2_000;

/** It is also what the client's publish takes as its options. */
export class Pending implements Groupable {
  /** Among all that were published. */
  readonly place: number;
  readonly subject: string;
  readonly body: Uint8Array;
  headers: WireHeaders;
  reply = "";
  slot = -1;
  readonly done: Done;
  readonly startedAt = performance.now();
  readonly timeoutMs: number;
  /** When to send it again, should there be no answer, or should JetStream not be ready. */
  resendAt = this.startedAt + firstSilenceMs;
  sends = 0;
  /** The server's last word: no stream takes it now. */
  #isNotTaken = false;
  /** What it was sent with, where messages are stored in groups. */
  group: Group<Pending> | undefined;

  constructor(
    place: number,
    subject: string,
    headers: Uint8Array,
    body: Uint8Array,
    done: Done,
    timeoutMs: number,
  ) {
    this.place = place;
    this.subject = subject;
    this.headers = asNatsHeaders(headers);
    this.body = body;
    this.done = done;
    this.timeoutMs = timeoutMs;
  }

  resendIn(ms: number): void {
    this.resendAt = performance.now() + ms;
  }

  /** No stream takes it: JetStream is not ready yet, or the stream is gone. */
  notTaken(): void {
    this.#isNotTaken = true;
    this.resendIn(notReadyDelayMs);
  }

  /** It is sent again, and so may be on the log already. */
  markMaybeKnown(): void {
    this.headers = asNatsHeaders(markMaybeKnown(this.headers.encode()));
  }

  /** The server's answer, other than that JetStream is not ready. */
  answered(answer: Stored | AckError): void {
    if (!(answer instanceof AckError)) this.done(undefined, answer);
    else if (answer.alreadyThere)
      this.done(undefined, { stream: "", sequence: 0, duplicate: true });
    else this.done(answer.toTroupeError(this.subject), undefined);
  }

  outOfTime(link: Link): TroupeError {
    const state = !link.connected
      ? "not connected"
      : this.#isNotTaken
        ? "connected, but no stream takes it: JetStream is not ready, or somebody has deleted the stream"
        : "connected, but it did not answer";
    return new TroupeError(
      "WAIT_TIMED_OUT",
      `waited ${formatMs(this.timeoutMs)} for nats-server at ${link.url} to store a message on "${this.subject}" (${state}): it may or may not be stored; publish again with the same id`,
    );
  }
}

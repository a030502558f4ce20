// Watching a bucket for as long as the connection lives. The client's ordered consumer mends gaps by itself,
// but of a server that restarted it hears only after a minute without heartbeats: so after each reconnect a
// new one goes on where the last one stopped.
//
// 1. A change is told once, in the order of the log. Of several changes to a key while the connection was
//    lost, the last is told.
// 2. Of what is there at the start, all is told before `start` resolves, or it throws (R9).
import {
  DeliverPolicy,
  type JsMsg,
  type PushConsumer,
} from "@nats-io/jetstream";
import { messageOf, TroupeError } from "../../protocol/errors.js";
import type { Link } from "../connection/connection.js";

export interface Watching {
  stop(): Promise<void>;
}

const startMs = 30_000;
const againMs = 250;

export class BucketWatch implements Watching {
  readonly #link: Link;
  readonly #stream: string;
  readonly #subject: string;
  readonly #onMessage: (msg: JsMsg) => void;
  readonly #forgets: (() => void)[] = [];
  #messages: { close(): Promise<unknown> } | undefined;
  /** Each consumer is a new turn; what an older one still brings is passed over. */
  #turn = 0;
  #last = 0;
  #missing = 0;
  #told!: () => void;

  constructor(
    link: Link,
    place: { stream: string; subject: string },
    onMessage: (msg: JsMsg) => void,
  ) {
    this.#link = link;
    this.#stream = place.stream;
    this.#subject = place.subject;
    this.#onMessage = onMessage;
  }

  async start(): Promise<this> {
    let fail!: (error: TroupeError) => void;
    const told = new Promise<void>((resolve, reject) => {
      this.#told = resolve;
      fail = reject;
    });
    told.catch(() => undefined); // should #follow throw first
    const timer = setTimeout(() => fail(late(this.#stream)), startMs);
    this.#forgets.push(
      this.#link.onClose(fail),
      this.#link.onReconnect(() => void this.#goOn()),
    );
    try {
      const turn = ++this.#turn;
      await this.#follow(turn).catch((error: unknown) => {
        if (turn === this.#turn) throw error; // else a later turn follows
      });
      await told;
      return this;
    } catch (error) {
      await this.stop();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  async stop(): Promise<void> {
    this.#turn++;
    for (const forget of this.#forgets.splice(0)) forget();
    await this.#messages?.close();
  }

  /** JetStream may need a moment longer than the connection. */
  async #goOn(): Promise<void> {
    const turn = ++this.#turn;
    await this.#messages?.close();
    while (turn === this.#turn && this.#link.connected) {
      try {
        return await this.#follow(turn);
      } catch (error) {
        this.#link.log.debug(
          { stream: this.#stream, error: messageOf(error) },
          "a watch cannot go on yet",
        );
        await new Promise((resolve) => setTimeout(resolve, againMs));
      }
    }
  }

  async #follow(turn: number): Promise<void> {
    const consumer = await this.#consumer();
    if (turn !== this.#turn) return;
    const { num_pending } = await consumer.info(true);
    if (turn !== this.#turn) return;
    this.#missing = num_pending;
    const messages = await consumer.consume({
      callback: (msg) => {
        if (turn === this.#turn) this.#received(msg);
      },
    });
    if (turn !== this.#turn) return void (await messages.close());
    this.#messages = messages;
    if (this.#missing === 0) this.#told();
  }

  #received(msg: JsMsg): void {
    if (msg.seq > this.#last) {
      this.#last = msg.seq;
      this.#onMessage(msg);
    }
    if (--this.#missing === 0) this.#told();
  }

  /** The bucket keeps one message a key, so what comes after the last one is the newest of each key. */
  #consumer(): Promise<PushConsumer> {
    const start =
      this.#last === 0
        ? { deliver_policy: DeliverPolicy.LastPerSubject }
        : {
            deliver_policy: DeliverPolicy.StartSequence,
            opt_start_seq: this.#last + 1,
          };
    return this.#link.js.consumers.getPushConsumer(this.#stream, {
      filter_subjects: this.#subject,
      ...start,
    });
  }
}

function late(stream: string): TroupeError {
  return new TroupeError(
    "WAIT_TIMED_OUT",
    `waited ${startMs / 1000}s for all that is in "${stream}" and was not told: see whether the server is up, then watch again`,
  );
}

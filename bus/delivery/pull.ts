// The pull protocol of one consumer. Two kinds of request: `pull(n)` takes at once what is there and gives
// the rest of its credits back; `park()` waits for the next message to come.
//
// 1. `credits` is what the server may still send us unasked. Each request is answered in full: by messages,
//    or by a status that ends it. A request that got lost (server restart) is given up by the watchdog.
// 2. `backlog` is how many messages wait, as last heard; a parked request tells when that stops being zero.
// 3. Where consumers of several processes have a rank, the server answers the request of the lowest; a process whose
//    request comes before its acknowledgement of the message before keeps its turn.
// 4. The inbox is opened by the first request and shut by `shut()`, for good: the next request opens another.
//    The server gives no message to a request whose inbox nobody hears, and counts none as delivered that it
//    could not hand over. So a parked request, which waits there for long, brings nothing after that.
import {
  AckPolicy,
  DeliverPolicy,
  ReplayPolicy,
  type ConsumerConfig,
} from "@nats-io/jetstream";
import { nanos, type Msg, type Subscription } from "@nats-io/transport-node";
import { messageOf, type TroupeError } from "../../protocol/errors.js";
import { newToken } from "../../protocol/ids.js";
import { encodeToken } from "../../protocol/tokens.js";
import { requestFailed } from "../connection/request-failed.js";
import type { Link } from "../connection/connection.js";
import { AckLine } from "./ack-line.js";
import { Delivery } from "./delivery.js";
import { codeOf } from "../streams/streams.js";

export interface PullConsumer {
  stream: string;
  name: string;
  filter: string;
  ackWaitMs: number;
  /** At most so many unacknowledged at once; -1 for no limit. One gives strict order. */
  maxInHand: number;
  /** Among all who pull from it: whom the server is to ask first. Without it, it asks them in turn. */
  rank?(this: void): number;
}

const parkMs = 30_000;
const answerMs = 5_000;
const troubleDelayMs = 250;
/** What goes on is not told each time. */
const sayAgainMs = 10_000;
const parkRequest = Buffer.from(
  JSON.stringify({ batch: 1, expires: nanos(parkMs) }),
);
/** The server's name for those who are ranked, and its last rank. */
const group = "turns";
const lastRank = 9;

interface Request {
  left: number;
  givenUpAt: number;
}

export class PullSource {
  /** Messages that wait, as last heard; at the start nobody knows, so ask. */
  backlog = Number.POSITIVE_INFINITY;
  parked = false;
  credits = 0;
  /** Until then the server has trouble with this consumer. */
  troubledUntil = 0;
  #silentUntil = 0;
  readonly consumer: PullConsumer;
  readonly #link: Link;
  readonly #onDelivery: (delivery: Delivery, source: PullSource) => void;
  readonly #onChange: () => void;
  #inbox = "";
  readonly #subject: string;
  readonly #requests = new Map<string, Request>();
  #subscription: Subscription | undefined;
  readonly #forgetReconnect: () => void;
  /** Not where one unacknowledged message holds up the next. */
  readonly #line: AckLine | undefined;
  #park = { id: "", givenUpAt: 0 };
  #count = 0;

  constructor(
    link: Link,
    consumer: PullConsumer,
    onDelivery: (delivery: Delivery, source: PullSource) => void,
    onChange: () => void,
  ) {
    this.#link = link;
    this.consumer = consumer;
    this.#onDelivery = onDelivery;
    this.#onChange = onChange;
    this.#line = consumer.maxInHand === 1 ? undefined : new AckLine();
    this.#subject = `$JS.API.CONSUMER.MSG.NEXT.${consumer.stream}.${consumer.name}`;
    this.#forgetReconnect = link.onReconnect(() => this.#startOver());
  }

  /** Takes up to `count` messages that are there now. */
  pull(count: number): void {
    if (this.#subscription === undefined) this.#listen();
    const id = this.#nextId();
    this.#requests.set(id, {
      left: count,
      givenUpAt: performance.now() + answerMs,
    });
    this.credits += count;
    this.#link.send(
      this.#subject,
      Buffer.from(`{"batch":${count},"no_wait":true${this.#rank()}}`),
      undefined,
      this.#inbox + id,
    );
  }

  /** Waits for one message to come. */
  park(): void {
    if (this.#subscription === undefined) this.#listen();
    const id = this.#nextId();
    this.parked = true;
    this.#park = { id, givenUpAt: performance.now() + parkMs + answerMs };
    const request = this.consumer.rank
      ? Buffer.from(`{"batch":1,"expires":${nanos(parkMs)}${this.#rank()}}`)
      : parkRequest;
    this.#link.send(this.#subject, request, undefined, this.#inbox + id);
  }

  #rank(): string {
    const rank = this.consumer.rank?.();
    if (rank === undefined) return "";
    return `,"group":"${group}","priority":${Math.min(rank, lastRank)}`;
  }

  /** Gives up requests that the server has forgotten. */
  giveUpLost(now: number): void {
    let lost = false;
    for (const [id, request] of this.#requests) {
      if (request.givenUpAt > now) break;
      this.#end(id, request);
      lost = true;
    }
    if (this.parked && this.#park.givenUpAt <= now) {
      this.parked = false;
      lost = true;
    }
    if (lost) this.backlog = Number.POSITIVE_INFINITY;
  }

  /**
   * Takes back what it asked for. What the server sent before it heard of this is handed over before this
   * resolves; whatever is said on this connection after the call is heard by a server that sends nothing more.
   */
  async shut(): Promise<void> {
    const subscription = this.#subscription;
    this.#subscription = undefined;
    this.#forgetRequests();
    if (subscription) await this.#link.unsubscribe(subscription);
  }

  /** Asks for no more; what is still on its way is handed over before this resolves. */
  async stop(): Promise<void> {
    this.#line?.close();
    this.#forgetReconnect();
    await this.shut();
  }

  #listen(): void {
    this.#inbox = `_INBOX.${newToken()}.`;
    this.#subscription = this.#link.listen(`${this.#inbox}*`, (msg) =>
      this.#received(msg),
    );
  }

  #nextId(): string {
    return (this.#count++).toString(36);
  }

  #received(msg: Msg): void {
    if (!msg.reply) return this.#status(msg);
    const delivery = new Delivery(this.#link, msg, this.#line);
    this.backlog = delivery.backlog;
    if (this.parked) this.parked = false;
    else this.#takeCredit();
    this.#onDelivery(delivery, this);
  }

  /** The server serves one client's requests in turn, so a message uses up the oldest. */
  #takeCredit(): void {
    for (const [id, request] of this.#requests) {
      request.left--;
      this.credits--;
      if (request.left === 0) this.#requests.delete(id);
      return;
    }
  }

  #status(msg: Msg): void {
    const code = msg.headers?.code ?? 0;
    if (code === 100) return; // a heartbeat
    const id = msg.subject.slice(msg.subject.lastIndexOf(".") + 1);
    const request = this.#requests.get(id);
    if (request) this.#end(id, request);
    else if (this.parked && this.#park.id === id) this.parked = false;
    if (code === 404 || code === 408) this.backlog = 0;
    else if (code === 409 || code === 503)
      this.#troubled(code, msg.headers?.description ?? "");
    this.#onChange();
  }

  #end(id: string, request: Request): void {
    this.credits -= request.left;
    this.#requests.delete(id);
  }

  #troubled(code: number, description: string): void {
    if (/batch completed/i.test(description)) return;
    this.backlog = Number.POSITIVE_INFINITY;
    this.troubledUntil = performance.now() + troubleDelayMs;
    if (code === 503 || /consumer deleted/i.test(description)) {
      ensureConsumer(this.#link, this.consumer).catch((error: unknown) => {
        const now = performance.now();
        if (now < this.#silentUntil) return;
        this.#silentUntil = now + sayAgainMs;
        this.#link.log.warn(
          { consumer: this.consumer.name, error: messageOf(error) },
          "consumer cannot be restored yet",
        );
      });
    }
    setTimeout(() => {
      this.troubledUntil = 0; // not by the clock: a timer may fire before it says so
      this.#onChange();
    }, troubleDelayMs).unref();
  }

  #startOver(): void {
    this.#forgetRequests();
    this.#onChange();
  }

  #forgetRequests(): void {
    this.#requests.clear();
    this.credits = 0;
    this.parked = false;
    this.backlog = Number.POSITIVE_INFINITY;
  }
}

/** The consumer of one lane and level, or one lane and partition, of an agent's queue; "=" stands in no token. */
export function consumerName(lane: string, place: string | number): string {
  return `${encodeToken(lane, "lane")}=${place}`;
}

/** Makes the consumer, or brings one that is there up to date. */
export async function ensureConsumer(
  link: Link,
  consumer: PullConsumer,
): Promise<void> {
  const config: Partial<ConsumerConfig> & { durable_name: string } = {
    durable_name: consumer.name,
    filter_subject: consumer.filter,
    ack_policy: AckPolicy.Explicit,
    deliver_policy: DeliverPolicy.All,
    replay_policy: ReplayPolicy.Instant,
    ack_wait: nanos(consumer.ackWaitMs),
    max_deliver: -1,
    max_ack_pending: consumer.maxInHand,
    max_waiting: 4096,
    ...(consumer.rank && {
      priority_policy: "prioritized",
      priority_groups: [group],
    }),
  };
  try {
    await link.jsm.consumers.add(consumer.stream, config);
  } catch (error) {
    if (codeOf(error) !== 10148) throw consumerError(link, consumer, error); // 10148: it exists, with other settings
    await link.jsm.consumers.update(consumer.stream, consumer.name, config);
  }
}

function consumerError(
  link: Link,
  consumer: PullConsumer,
  cause: unknown,
): TroupeError {
  return requestFailed(
    link,
    `could not make consumer "${consumer.name}" of stream "${consumer.stream}" at ${link.url}`,
    cause,
  );
}

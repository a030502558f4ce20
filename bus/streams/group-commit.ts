// Durability "disk": the server syncs its file before it acknowledges, which takes longer than all the rest. So what
// is published to one stream while it syncs goes together: as one atomic batch, which is synced once, or where they are
// few each by itself, whatever takes less time here (sync-costs.ts).
//
// 1. A message that comes while nothing is under way goes at once, and as it is.
// 2. A batch is stored as a whole or not at all. One that is refused, because one of its messages is, is sent again
//    message by message, and each gets its own answer.
// 3. Where no answer comes, the publisher sends again whatever was in the batch.
import { batchHeaders } from "../../protocol/headers.js";
import { newToken } from "../../protocol/ids.js";
import { tokenAt } from "../../protocol/tokens.js";
import type { Link } from "../connection/connection.js";
import { asNatsHeaders, type WireHeaders } from "../connection/wire-headers.js";
import { SyncCosts } from "./sync-costs.js";

export interface Groupable {
  readonly subject: string;
  readonly headers: WireHeaders;
  readonly body: Uint8Array;
  /** When the publisher sends it again. */
  resendAt: number;
}

/** The server takes 1000 messages a batch. */
const maxMessages = 500;
const maxBytes = 4 * 1024 * 1024;
/** While the server syncs one, the next is on its way. */
const maxUnderWay = 2;

/** What goes to one stream. */
class Lane<Message> {
  readonly waiting: Message[] = [];
  underWay = 0;
}

/** Messages that were sent at the same time, as a batch or each alone. */
export class Group<Message> {
  readonly messages: readonly Message[];
  /** By which its answer is known, if it went as a batch. */
  id: string | undefined;
  readonly #lane: Lane<Message>;
  readonly #sentAt = performance.now();
  /** Not answered yet; of a batch there is one answer. */
  #open: number;

  constructor(
    lane: Lane<Message>,
    messages: readonly Message[],
    isBatch: boolean,
  ) {
    this.messages = messages;
    this.#lane = lane;
    this.#open = isBatch ? 1 : messages.length;
    lane.underWay++;
  }

  get isOver(): boolean {
    return this.#open === 0;
  }

  get tookMs(): number {
    return performance.now() - this.#sentAt;
  }

  /** The batch, or one that went alone, was answered or will not be. */
  end(): void {
    if (this.#open === 0) return;
    this.#open--;
    if (this.#open === 0) this.#lane.underWay--;
  }
}

export interface GroupSender<Message> {
  sendAlone(message: Message, group: Group<Message>): void;
  /** Returns the subject for the answer to the batch. */
  expectAnswer(group: Group<Message>): string;
}

export class GroupCommit<Message extends Groupable> {
  readonly #link: Link;
  readonly #sender: GroupSender<Message>;
  readonly #lanes = new Map<string, Lane<Message>>();
  readonly #costs = new SyncCosts();

  constructor(link: Link, sender: GroupSender<Message>) {
    this.#link = link;
    this.#sender = sender;
  }

  /** False for what goes to a stream that takes no batches. */
  add(message: Message): boolean {
    const name = laneOf(this.#link, message.subject);
    if (name === undefined) return false;
    let lane = this.#lanes.get(name);
    if (!lane) this.#lanes.set(name, (lane = new Lane()));
    message.resendAt = Number.POSITIVE_INFINITY; // not as long as it waits here
    lane.waiting.push(message);
    if (lane.waiting.length === 1) queueMicrotask(() => this.#pump(lane));
    return true;
  }

  /** One of the group was answered, or the whole batch. */
  answered(group: Group<Message>): void {
    const { messages, tookMs, id } = group;
    group.end();
    if (id !== undefined) this.#costs.sawBatch(tookMs);
    else if (group.isOver && messages.length > 1)
      this.#costs.sawAlone(messages.length, tookMs);
    this.pump();
  }

  /** One of the group will not be answered, or the whole batch. */
  givenUp(group: Group<Message>): void {
    group.end();
    this.pump();
  }

  /** What waits may go where something has ended. */
  pump(): void {
    for (const lane of this.#lanes.values()) this.#pump(lane);
  }

  /** What waits goes nowhere: the connection is lost, and the publisher sends all of it again. */
  clear(): void {
    for (const lane of this.#lanes.values()) lane.waiting.length = 0;
    this.#lanes.clear();
  }

  #pump(lane: Lane<Message>): void {
    while (lane.waiting.length > 0 && lane.underWay < maxUnderWay)
      this.#send(lane, takeGroup(lane.waiting));
  }

  #send(lane: Lane<Message>, messages: readonly Message[]): void {
    const isBatch =
      messages.length > 1 && this.#costs.prefersBatch(messages.length);
    const group = new Group(lane, messages, isBatch);
    if (isBatch) return this.#sendBatch(group);
    for (const message of messages) this.#sender.sendAlone(message, group);
  }

  #sendBatch(group: Group<Message>): void {
    const { messages } = group;
    const batch = newToken();
    const last = messages.length - 1;
    const reply = this.#sender.expectAnswer(group);
    for (const [at, { subject, headers, body }] of messages.entries()) {
      const block = batchHeaders(headers.encode(), batch, at + 1, at === last);
      this.#link.nats.publish(subject, body, {
        headers: asNatsHeaders(block),
        ...(at === last ? { reply } : {}),
      });
    }
  }
}

function takeGroup<Message extends Groupable>(waiting: Message[]): Message[] {
  let bytes = 0;
  const end = waiting.findIndex(
    ({ body }, at) => (bytes += body.length) > maxBytes || at === maxMessages,
  );
  return waiting.splice(0, end === -1 ? waiting.length : Math.max(1, end));
}

/** Queues, the history and journals; all else is rare, or may not be in a batch. */
function laneOf(link: Link, subject: string): string | undefined {
  const kind = tokenAt(subject, 1);
  if (!subject.startsWith(`${link.subjects.namespace}.`)) return undefined;
  if (kind === "event") return kind;
  if (kind === "journal")
    return subject.endsWith(".entries") ? kind : undefined; // signals expect what a batch does not look at
  if (kind === "task") return tokenAt(subject, 3);
  return kind === "keyed" ? tokenAt(subject, 2) : undefined;
}

// Whether a task that waits was handed out to a worker: of its first start there is nothing on the log.
import { addressOf } from "../../protocol/task-message.js";
import { tokenAt } from "../../protocol/tokens.js";
import type { Link } from "../connection/connection.js";
import { consumerName } from "../delivery/pull.js";
import type { StoredMessage } from "../history/stored.js";
import { codeOf } from "../streams/streams.js";

/** No such consumer, no such stream: no worker has ever been there. */
const neverServed: unknown[] = [10_014, 10_059];

/** What consumers say of who has been handed what; each is asked once. */
export class Handouts {
  readonly #link: Link;
  readonly #delivered = new Map<string, Promise<number | undefined>>();

  constructor(link: Link) {
    this.#link = link;
  }

  /**
   * A task's first start is not on the log: whether it was handed out, only its queue's consumer knows. Undefined where
   * that cannot be asked.
   */
  async has({
    stream,
    subject,
    sequence,
  }: StoredMessage): Promise<boolean | undefined> {
    if (stream === this.#link.subjects.streams.timers) return false;
    const { lane, level } = addressOf(subject);
    const isKeyed = tokenAt(subject, 1) === "partition";
    const place = isKeyed ? Number(tokenAt(subject, 4)) : level;
    const name = consumerName(lane, place);
    const known = this.#delivered.get(`${stream} ${name}`);
    const asked = known ?? this.#ask(stream, name);
    this.#delivered.set(`${stream} ${name}`, asked);
    const delivered = await asked;
    return delivered === undefined ? undefined : delivered >= sequence;
  }

  async #ask(stream: string, name: string): Promise<number | undefined> {
    try {
      const { delivered } = await this.#link.jsm.consumers.info(stream, name);
      return delivered.stream_seq;
    } catch (error) {
      return neverServed.includes(codeOf(error)) ? 0 : undefined;
    }
  }
}

/** By a stateful agent: its worker may have stored the new state, and die before what the message caused is sent. */
export async function mayBeApplied(
  link: Link,
  message: StoredMessage,
): Promise<boolean> {
  const { key, context } = message.headers;
  if (key === undefined || key !== context) return false;
  return (await new Handouts(link).has(message)) !== false;
}

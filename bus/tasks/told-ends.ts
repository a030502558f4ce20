// Ends of tasks as this connection is told of them (bus/tasks/end-notices.ts). A notice that was sent before its event was
// stored waits here for the server's acknowledgement; they find each other in whatever order they come. What remains
// alone is forgotten after a while.
import type { Msg } from "@nats-io/transport-node";
import { parseBatch } from "../../protocol/batch.js";
import { decodeToken, tokenAt } from "../../protocol/tokens.js";
import type { Link } from "../connection/connection.js";
import { headersOf } from "../delivery/delivery.js";
import { saysStored } from "../streams/acknowledgement.js";

/** A terminal event's body, decoded: the JSON-RPC response to the task `id`. */
interface Response {
  id: string;
}

/** So many that are alone are remembered, and as many older ones. */
const generation = 4_096;

export class ToldEnds {
  readonly #onEnd: (agent: string, response: Response) => void;
  readonly #notices = new Fading<Msg>();
  readonly #confirmed = new Fading<true>();

  constructor(link: Link, onEnd: (agent: string, response: Response) => void) {
    const { subjects, origin } = link;
    this.#onEnd = onEnd;
    link.listen(subjects.endedOf(origin), (msg) => this.#told(msg));
    link.listen(subjects.confirmationsTo(origin), (msg) => this.#confirm(msg));
  }

  #told(notice: Msg): void {
    const { contentType, confirmation } = headersOf(notice);
    if (confirmation === undefined) return this.#tell(notice, contentType);
    if (this.#confirmed.take(confirmation)) this.#tell(notice, contentType);
    else this.#notices.put(confirmation, notice);
  }

  #confirm(acknowledgement: Msg): void {
    // Refused for good, or only not ready: then it is sent again, and acknowledged on the same subject.
    if (!saysStored(acknowledgement.data)) return;
    const notice = this.#notices.take(acknowledgement.subject);
    if (notice) this.#tell(notice, headersOf(notice).contentType);
    else this.#confirmed.put(acknowledgement.subject, true);
  }

  #tell(notice: Msg, contentType: string | undefined): void {
    const agent = decodeToken(tokenAt(notice.subject, 2));
    for (const response of parseBatch(notice.data, contentType))
      this.#onEnd(agent, response);
  }
}

class Fading<Value> {
  #young = new Map<string, Value>();
  #old = new Map<string, Value>();

  put(key: string, value: Value): void {
    if (this.#young.size >= generation) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, value);
  }

  take(key: string): Value | undefined {
    const value = this.#young.get(key) ?? this.#old.get(key);
    if (value !== undefined && !this.#young.delete(key)) this.#old.delete(key);
    return value;
  }
}

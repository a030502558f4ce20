// Where an instance answers asks. An ask cannot wait and names no lane: while the whole agent is paused, who asks
// is told so; while only this instance's lane is, the others' instances answer.
import { isPaused, type AgentOrders } from "../bus/agent-orders.js";
import {
  startAnswering,
  type Answering,
  type Request,
} from "../bus/answers.js";
import { TroupeError } from "../protocol/errors.js";
import { answer } from "./answer.js";
import type { ExecutionHost } from "./assignment.js";

export class AskDesk {
  readonly #host: ExecutionHost;
  readonly #lane: string;
  #orders: AgentOrders | undefined;
  #answering: Answering | undefined;
  /** Those in hand of a desk that was closed. */
  #closing: Promise<void> = Promise.resolve();

  constructor(host: ExecutionHost, lane: string) {
    this.#host = host;
    this.#lane = lane;
  }

  /** Opens with the first orders. */
  obey(orders: AgentOrders): void {
    this.#orders = orders;
    if (isPaused(orders, this.#lane) && !orders.paused) this.#close();
    else this.#open();
  }

  /** Resolves when those in hand are answered. */
  async stop(): Promise<void> {
    this.#close();
    await this.#closing;
  }

  #open(): void {
    const { link, agent } = this.#host;
    this.#answering ??= startAnswering(link, agent, (request) =>
      this.#answer(request),
    );
  }

  #close(): void {
    const stopped = this.#answering?.stop();
    this.#answering = undefined;
    this.#closing = Promise.all([this.#closing, stopped]).then(() => undefined);
    this.#closing.catch(() => undefined); // the next who stops hears of it
  }

  #answer(request: Request): unknown {
    const { agent } = this.#host;
    if (!this.#orders?.paused) return answer(this.#host, request);
    const { reason = "no reason was given" } = this.#orders;
    throw new TroupeError(
      "AGENT_PAUSED",
      `agent "${agent}" is paused (${reason}): submit a task, which waits, or ask again when it is resumed`,
    );
  }
}

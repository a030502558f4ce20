// Where an instance answers what its lane is asked. An ask cannot wait: while the agent or the lane is paused,
// who asks is told so.
import { isPaused, type AgentOrders } from "../bus/registry/agent-orders.js";
import {
  startAnswering,
  type Answering,
  type Request,
} from "../bus/asks/answers.js";
import { TroupeError } from "../protocol/errors.js";
import { answer } from "./answer.js";
import type { ExecutionHost } from "./assignment.js";

export class AskDesk {
  readonly #host: ExecutionHost;
  readonly #lane: string;
  #orders: AgentOrders | undefined;
  #answering: Answering | undefined;
  #isOver = false;

  constructor(host: ExecutionHost, lane: string) {
    this.#host = host;
    this.#lane = lane;
  }

  /** Opens with the first orders. */
  obey(orders: AgentOrders): void {
    this.#orders = orders;
    if (this.#isOver) return;
    const { link, agent } = this.#host;
    const place = { agent, lane: this.#lane };
    this.#answering ??= startAnswering(link, place, (request) =>
      this.#answer(request),
    );
  }

  /** Resolves when those in hand are answered. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#answering?.stop();
  }

  #answer(request: Request): unknown {
    const orders = this.#orders;
    if (!orders || !isPaused(orders, this.#lane))
      return answer(this.#host, request);
    const { paused, reason = "no reason was given" } = orders;
    const where = paused ? "" : ` in lane "${this.#lane}"`;
    throw new TroupeError(
      "AGENT_PAUSED",
      `agent "${this.#host.agent}" is paused${where} (${reason}): submit a task, which waits, or ask again when it is resumed`,
    );
  }
}

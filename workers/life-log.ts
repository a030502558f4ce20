// Tells the log what happens to an instance: started, paused, resumed, recovered, draining, stopped.
import { recordAgentEvent } from "../bus/history/agent-events.js";
import type { AgentEventKind } from "../protocol/agent-events.js";
import type { ExecutionHost } from "./assignment.js";

export class LifeLog {
  readonly #host: ExecutionHost;

  constructor(host: ExecutionHost) {
    this.#host = host;
  }

  /** Resolves when it is on the log. */
  record(
    kind: AgentEventKind,
    data: Record<string, unknown>,
  ): Promise<unknown> {
    const { link, publisher, agent, instance } = this.#host;
    return recordAgentEvent(link, publisher, { agent, instance, kind, data });
  }

  /** On the way: that it cannot be written keeps nobody from his work. */
  tell(kind: AgentEventKind, data: Record<string, unknown> = {}): void {
    if (!this.#host.link.closed)
      this.record(kind, data).catch((error: unknown) =>
        this.#host.logFailed(error),
      );
  }
}

// Requests that the client ends because the connection was closed.
import type { NatsConnection } from "@nats-io/transport-node";
import type { TroupeError } from "../../protocol/errors.js";

/** What the client says of a closed connection names neither the server nor what to do. */
export function explainClosing(
  nats: NatsConnection,
  /** When it was. */
  closed: () => TroupeError | undefined,
): void {
  const request = nats.request.bind(nats);
  nats.request = async (...asked) => {
    try {
      return await request(...asked);
    } catch (error) {
      throw closed() ?? error;
    }
  };
}

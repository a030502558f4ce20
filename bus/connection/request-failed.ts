// What a request that failed is to whoever asked: of a connection that was closed meanwhile, nothing else counts.
import { messageOf, TroupeError } from "../../protocol/errors.js";
import type { Link } from "./connection.js";

/** BUS_FAILED with `what` was not possible and why, or CONNECTION_CLOSED. */
export function requestFailed(
  link: Link,
  what: string,
  cause: unknown,
): TroupeError {
  if (link.closed) return link.closedError();
  return new TroupeError("BUS_FAILED", `${what}: ${messageOf(cause)}`, {
    cause,
  });
}

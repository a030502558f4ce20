// A pause of what has no use any more once the connection is closed.
import { longestTimerMs } from "../../protocol/duration.js";
import type { TroupeError } from "../../protocol/errors.js";
import type { Link } from "./connection.js";

/** Throws CONNECTION_CLOSED as soon as it is. */
export function pauseWhileOpen(link: Link, ms: number): Promise<void> {
  if (link.closed) return Promise.reject(link.closedError());
  return new Promise((resolve, reject) => {
    const settle = (error?: TroupeError): void => {
      clearTimeout(timer);
      forget();
      if (error) reject(error);
      else resolve();
    };
    const timer = setTimeout(settle, Math.min(ms, longestTimerMs));
    const forget = link.onClose(settle);
  });
}

// Requests that only read, and so may be made again: their answer is lost with the connection that they went over,
// and one made while there is none goes nowhere. Without this, either would only fail after the client's 5 seconds.
import { messageOf } from "../../protocol/errors.js";
import type { Link } from "./connection.js";

const tries = 3;
const patienceMs = 5_000;

/** What `request` answers; made again when the connection was lost meanwhile. Throws what it throws. */
export async function reading<Answer>(
  link: Link,
  request: () => Promise<Answer>,
): Promise<Answer> {
  for (let left = tries; ; left--) {
    if (!link.connected && !link.closed) await untilConnected(link);
    if (link.closed) throw link.closedError();
    const loss = new Loss(link);
    try {
      return await Promise.race([request(), loss.error]);
    } catch (error) {
      if (!loss.happened || left === 1) throw explained(error);
    } finally {
      loss.forget();
    }
  }
}

/** What the server says where there is no such stream says nothing to anybody. */
function explained(error: unknown): unknown {
  if (!/^no responders$/i.test(messageOf(error))) return error;
  return new Error(
    "no responders: JetStream is not ready, or somebody has deleted the stream; who connects anew makes it again, empty",
    { cause: error },
  );
}

/** Of the connection, from now on. */
class Loss {
  happened = false;
  readonly error: Promise<never>;
  readonly forget: () => void;

  constructor(link: Link) {
    let fail!: (error: Error) => void;
    this.error = new Promise<never>((_, reject) => (fail = reject));
    this.error.catch(() => undefined); // it need not be waited for
    this.forget = link.onState(() => {
      this.happened = true;
      fail(new Error("the connection was lost"));
    });
  }
}

/** Or for a while. */
function untilConnected(link: Link): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      clearTimeout(timer);
      forget();
      resolve();
    };
    const timer = setTimeout(settle, patienceMs);
    const forget = link.onState(() => {
      if (link.connected || link.closed) settle();
    });
  });
}

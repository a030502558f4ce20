// Takes one message out of its stream; where it is gone already that is as good.
import { messageOf } from "../../protocol/errors.js";
import { requestFailed } from "../connection/request-failed.js";
import type { Link } from "../connection/connection.js";
import { codeOf } from "./streams.js";

interface Place {
  stream: string;
  sequence: number;
}

/** Throws BUS_FAILED where it cannot be removed. */
export async function removeMessage(
  link: Link,
  { stream, sequence }: Place,
): Promise<void> {
  try {
    await link.jsm.streams.deleteMessage(stream, sequence, false);
  } catch (cause) {
    if (isGone(cause)) return;
    throw requestFailed(
      link,
      `could not remove message ${sequence} of stream "${stream}"`,
      cause,
    );
  }
}

/** False where it cannot be removed: whoever comes by it finds that it is of no use any more. */
export async function tryToRemove(link: Link, place: Place): Promise<boolean> {
  try {
    await removeMessage(link, place);
    return true;
  } catch (error) {
    const { stream, sequence } = place;
    link.log.debug(
      { stream, sequence, error: messageOf(error) },
      "what is of no use any more was not removed",
    );
    return false;
  }
}

function isGone(error: unknown): boolean {
  const code = codeOf(error);
  return (
    code === 10043 ||
    code === 10057 ||
    /no message found|not found/i.test(messageOf(error))
  );
}

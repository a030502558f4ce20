// Several messages of a stream by one request, without a consumer.
//
// With a callback, for the client's iterator leaves its subscription behind after each batch, here and on the server.
import type { DirectBatchOptions, StoredMsg } from "@nats-io/jetstream";
import { messageOf, TroupeError } from "../../protocol/errors.js";
import { reading } from "../connection/reading.js";
import { requestFailed } from "../connection/request-failed.js";
import type { Link } from "../connection/connection.js";
import { codeOf } from "../streams/streams.js";

/** More subjects than the server looks for at once. */
const tooMany = 413;

type Query =
  | DirectBatchOptions
  /** The newest of each subject that fits. */
  | { multi_last: string[]; batch: number };

export interface Batch {
  messages: StoredMsg[];
  /** There are more; of the newest of each subject, perhaps so many that none is here. */
  hasMore: boolean;
}

/** `what` is how an error names them. */
export async function readBatch(
  link: Link,
  stream: string,
  query: Query,
  what: string,
): Promise<Batch> {
  try {
    const messages = await reading(link, () => request(link, stream, query));
    const pending = messages.at(-1)?.pending ?? 0;
    return { messages, hasMore: pending > 0 };
  } catch (cause) {
    if (isNotFound(cause)) return { messages: [], hasMore: false };
    if (codeOf(cause) === tooMany) return { messages: [], hasMore: true };
    throw requestFailed(
      link,
      `could not read "${what}" of stream "${stream}"`,
      cause,
    );
  }
}

function request(
  link: Link,
  stream: string,
  query: Query,
): Promise<StoredMsg[]> {
  return new Promise((resolve, reject) => {
    const messages: StoredMsg[] = [];
    const options = {
      ...query,
      callback: (done: { err?: Error } | null, message: StoredMsg) => {
        if (done === null) messages.push(message);
        else if (done.err) reject(done.err);
        else resolve(messages);
      },
    };
    const { direct } = link.jsm;
    const asked =
      "multi_last" in options
        ? direct.getLastMessagesFor(stream, options)
        : direct.getBatch(stream, options);
    asked.catch(reject);
  });
}

/** Of what the server says: our own errors name addresses, and a port may well contain 404. */
export function isNotFound(error: unknown): boolean {
  if (error instanceof TroupeError) return false;
  const code = codeOf(error);
  return (
    code === 404 ||
    code === 10037 ||
    /404|no messages|message not found/i.test(messageOf(error))
  );
}

// A JSON-RPC batch: an array of messages that are encoded already, joined without decoding them.
import { decodeBody } from "./codec.js";
import { TroupeError } from "./errors.js";
import type { ContentType } from "./headers.js";

/** Of 65535 messages at most. */
export function batchOf(
  messages: readonly Uint8Array[],
  contentType: ContentType,
): Uint8Array {
  return contentType === "msgpack" ? packed(messages) : json(messages);
}

function packed(messages: readonly Uint8Array[]): Uint8Array {
  const count = messages.length;
  const head = count < 16 ? [0x90 | count] : [0xdc, count >> 8, count & 0xff];
  return Buffer.concat([Uint8Array.from(head), ...messages]);
}

function json(messages: readonly Uint8Array[]): Uint8Array {
  const texts = messages.map((message) => Buffer.from(message).toString());
  return Buffer.from(`[${texts.join(",")}]`);
}

/** The responses of a batch that have an id. Throws MESSAGE_UNREADABLE for what is no array. */
export function parseBatch(
  body: Uint8Array,
  contentType?: string,
): { id: string }[] {
  const batch = decodeBody(body, contentType);
  if (Array.isArray(batch)) return batch.filter(hasId);
  throw new TroupeError("MESSAGE_UNREADABLE", "a JSON-RPC batch is no array");
}

function hasId(message: unknown): message is { id: string } {
  return typeof (message as { id?: unknown } | null)?.id === "string";
}

// Bodies on the wire: msgpack by default, JSON on request. The Content-Type header says which; a body
// without one is taken as what it looks like, so that a bare client may leave the header out.
import { Packr, type Options } from "msgpackr";
import { messageOf, TroupeError } from "./errors.js";
import { contentTypes, type ContentType } from "./headers.js";

// Plain maps only: records are an extension that other languages do not read.
const options: Options & { skipValues: unknown[] } = {
  useRecords: false,
  encodeUndefinedAsNil: true,
  // As JSON does: an optional field that is there but undefined would arrive as null, and be refused.
  skipValues: [undefined],
};
const packr = new Packr(options);

/** Throws ARGUMENT_INVALID for what the format cannot carry, such as a circle. */
export function encodeBody(
  body: unknown,
  contentType: ContentType = "msgpack",
): Uint8Array {
  try {
    return contentType === "msgpack"
      ? packr.pack(body)
      : Buffer.from(JSON.stringify(body), "utf8");
  } catch (cause) {
    throw new TroupeError(
      "ARGUMENT_INVALID",
      `a value cannot be encoded as ${contentType}: ${messageOf(cause)}`,
      { cause },
    );
  }
}

/** As it will be when it is read again. */
export function copyOf<Value>(value: Value): Value {
  if (typeof value === "number") return (value || value + 0) as Value; // there is no -0
  if (typeof value === "string") return value.toWellFormed() as Value; // nor half a character
  if (typeof value !== "object" || value === null) return value;
  return packr.unpack(encodeBody(value)) as Value;
}

/** Throws MESSAGE_UNREADABLE, with the first bytes, for what neither format can read. */
export function decodeBody(bytes: Uint8Array, contentType?: string): unknown {
  const format = formatOf(bytes, contentType);
  try {
    return format === "json"
      ? JSON.parse(
          Buffer.from(
            bytes.buffer,
            bytes.byteOffset,
            bytes.byteLength,
          ).toString("utf8"),
        )
      : packr.unpack(bytes);
  } catch (cause) {
    throw new TroupeError(
      "MESSAGE_UNREADABLE",
      `the body ${preview(bytes)} is no ${format}: ${(cause as Error).message}`,
      { cause },
    );
  }
}

function formatOf(
  bytes: Uint8Array,
  contentType: string | undefined,
): ContentType {
  if (contentType === contentTypes.msgpack) return "msgpack";
  if (contentType === undefined)
    return looksLikeJson(bytes) ? "json" : "msgpack";
  const essence = contentType.split(";", 1)[0]?.trim().toLowerCase();
  if (essence === contentTypes.json) return "json";
  if (essence === contentTypes.msgpack || essence === "application/x-msgpack")
    return "msgpack";
  throw new TroupeError(
    "MESSAGE_UNREADABLE",
    `content type "${contentType}" is unknown: send "${contentTypes.msgpack}" or "${contentTypes.json}"`,
  );
}

/** A JSON-RPC object in JSON begins with "{" or white space; in msgpack both would be small numbers. */
function looksLikeJson(bytes: Uint8Array): boolean {
  const first = bytes[0];
  return (
    first === 0x7b ||
    first === 0x20 ||
    first === 0x0a ||
    first === 0x0d ||
    first === 0x09
  );
}

function preview(bytes: Uint8Array): string {
  const head = Buffer.from(bytes.subarray(0, 24)).toString("latin1");
  const shown = head.replaceAll(/[^\x20-\x7e]/g, "·");
  return `"${shown}"${bytes.length > 24 ? ` (and ${bytes.length - 24} bytes more)` : ""}`;
}

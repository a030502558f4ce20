// Names as subject tokens: any text becomes one token that a subject, a stream and a consumer can carry.
import { createHash } from "node:crypto";
import { TroupeError } from "./errors.js";

/** A subject must fit in the server's control line together with the reply subject. */
const maxTokenLength = 256;

const safe = /^[A-Za-z0-9_~-]+$/;

/** Any text as one subject token: whatever is not a letter, digit, `_`, `~` or `-` becomes `%` and hex. */
export function encodeToken(name: string, what = "name"): string {
  if (safe.test(name) && name.length <= maxTokenLength) return name;
  if (typeof name !== "string" || name === "") {
    throw new TroupeError(
      "ARGUMENT_INVALID",
      `${what} ${JSON.stringify(name)} is empty: give it at least one character`,
    );
  }
  if (name.length > maxTokenLength) throw tooLong(name, what);
  if (/\p{Surrogate}/u.test(name)) throw halfCharacter(name, what);
  let token = "";
  for (const byte of Buffer.from(name, "utf8")) {
    const char = String.fromCharCode(byte);
    token +=
      byte < 128 && safe.test(char)
        ? char
        : `%${byte.toString(16).padStart(2, "0")}`;
  }
  if (token.length > maxTokenLength) throw tooLong(name, what);
  return token;
}

/** Of a key only its hash matters; a long one is hashed here already, so that it fits into a subject. */
export function keyToken(key: string): string {
  if (key.length <= maxPlainKey && !isLong(key)) return encodeToken(key, "key");
  return createHash("sha256").update(key).digest("hex");
}

const maxPlainKey = 64;

const isLong = (key: string): boolean => tokenLength(key) > maxTokenLength;

/** So many characters its token would have, however long that is. */
export function tokenLength(name: string): number {
  if (safe.test(name)) return name.length;
  let length = 0;
  for (const byte of Buffer.from(name))
    length += safe.test(String.fromCharCode(byte)) && byte < 128 ? 1 : 3;
  return length;
}

/**
 * A context's name in subjects, in the key of its record and in ids. A long one is hashed and marked so; what
 * is not marked can be read back.
 */
export function contextToken(context: string): string {
  const token = encodeToken(context, "context");
  if (token.length <= maxPlainKey && !token.startsWith(hashMark)) return token;
  return hashMark + createHash("sha256").update(context).digest("hex");
}

/** The context of such a token; undefined when it was hashed. */
export function contextOfToken(token: string): string | undefined {
  return token.startsWith(hashMark) ? undefined : decodeToken(token);
}

const hashMark = "~";

/** A stream's name may have no more than 255 characters. */
const maxQueueToken = 200;

export function queueToken(agent: string): string {
  const token = encodeToken(agent, "agent");
  if (token.length <= maxQueueToken) return token;
  throw new TroupeError(
    "ARGUMENT_INVALID",
    `agent "${agent.slice(0, 24)}…" has a name too long for its queue: at most ${maxQueueToken} characters, encoded`,
  );
}

function tooLong(name: string, what: string): TroupeError {
  return new TroupeError(
    "ARGUMENT_INVALID",
    `${what} "${name.slice(0, 24)}…" has ${name.length} characters: at most ${maxTokenLength} fit into a subject, encoded`,
  );
}

function halfCharacter(name: string, what: string): TroupeError {
  return new TroupeError(
    "ARGUMENT_INVALID",
    `${what} ${JSON.stringify(name)} has half a character, a surrogate without its other: use whole text`,
  );
}

export function decodeToken(token: string): string {
  if (!token.includes("%")) return token;
  const bytes: number[] = [];
  for (let at = 0; at < token.length; at++) {
    if (token[at] === "%") {
      bytes.push(Number.parseInt(token.slice(at + 1, at + 3), 16));
      at += 2;
    } else bytes.push(token.charCodeAt(at));
  }
  return Buffer.from(bytes).toString("utf8");
}

/** A character of a name takes no more of a token than its bytes, three characters each. */
const longestEncoding = 9;

/** The same of a token that anybody may have made. Throws ARGUMENT_INVALID for a name that fits into no subject of ours. */
export function nameIn(token: string): string {
  const name = decodeToken(token);
  const isShort = token.length * longestEncoding <= maxTokenLength;
  if (!isShort || name !== token) encodeToken(name);
  return name;
}

/** The token at a place of a subject, from 0, without splitting the rest. */
export function tokenAt(subject: string, place: number): string {
  let start = 0;
  for (; place > 0; place--) start = subject.indexOf(".", start) + 1;
  const end = subject.indexOf(".", start);
  return subject.slice(start, end === -1 ? subject.length : end);
}

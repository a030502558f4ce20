// The one place that names headers. All metadata of a message stands here, never in its body.
// What the subject says already (task id, agent, skill, level) is not said again.

export type ContentType = "msgpack" | "json";

export const headerNames = {
  /** Also what the server deduplicates by. */
  messageId: "Nats-Msg-Id",
  contentType: "Content-Type",
  type: "Troupe-Type",
  sender: "Troupe-Sender",
  origin: "Troupe-Origin",
  context: "Troupe-Context",
  key: "Troupe-Key",
  attempt: "Troupe-Attempt",
  /** On events, where it is not the default. */
  lane: "Troupe-Lane",
  level: "Troupe-Level",
  /** On events that do not carry the request. */
  skill: "Troupe-Skill",
  /** How long the handler ran, in milliseconds; absent below one. */
  took: "Troupe-Took",
  /** Milliseconds since the epoch, on the server's clock. */
  deadline: "Troupe-Deadline",
  /** Why it went where it went, where it was routed: protocol/route.ts. */
  route: "Troupe-Route",
  /** The skills that a task has fallen back from before it came to this one, "agent.skill" each. */
  fallbackOf: "Troupe-Fallback-Of",
  /** The task that called this one and may sleep until it ends, "agent.task" as tokens. */
  parent: "Troupe-Parent",
  /** How many plans it is within: those that called it, or what called it, and so on. */
  depth: "Troupe-Depth",
  /** Of a task that sleeps: which time it is that it does, for it to be woken once. */
  parked: "Troupe-Parked",
  /** And what it waits for, in words. */
  waitsFor: "Troupe-Waits-For",
  /** And the state that it is in thereby, where that is not "working". */
  parkedAs: "Troupe-Parked-As",
  /** The task has ended, and is delivered to go on undoing it: the place of the order on its journal. */
  undo: "Troupe-Undo",
  /** The dead task that this one takes up again. */
  redriveOf: "Troupe-Redrive-Of",
  /** The task that this one begins with the journal of, and up to which place: "agent.task.place". */
  forkOf: "Troupe-Fork-Of",
  /** The message may stand on the log already: see what became of its task before working on it. */
  maybeKnown: "Troupe-Maybe-Known",
  /** A notice of ends counts only with the server's acknowledgement on this subject. */
  confirmation: "Troupe-Confirmation",
  /** Where a delayed task goes when its time has come. */
  target: "Troupe-Target",
  subject: "Troupe-Subject",
  errorCode: "Troupe-Error-Code",
  error: "Troupe-Error",
  history: "Troupe-History",
  traceparent: "traceparent",
  tracestate: "tracestate",
  expectedLastSubjectSequence: "Nats-Expected-Last-Subject-Sequence",
  /** On which subjects the expected sequence is looked for, instead of the message's own. */
  expectedLastSubject: "Nats-Expected-Last-Subject-Sequence-Subject",
  /** Its place on the log and its time there, on what the server tells of a stored message. */
  sequence: "Nats-Sequence",
  storedAt: "Nats-Time-Stamp",
  schedule: "Nats-Schedule",
  scheduleTarget: "Nats-Schedule-Target",
  /** What became of a key of a bucket, where it was not written: deleted, purged, or too old. */
  operation: "KV-Operation",
  markerReason: "Nats-Marker-Reason",
  rollup: "Nats-Rollup",
  /** How long the server keeps the message. */
  ttl: "Nats-TTL",
} as const;

export type HeaderName = keyof typeof headerNames;
export type Headers = { [name in HeaderName]?: string | undefined };

/** Printable ASCII without "%", which marks what is encoded, and without spaces at its ends, which readers cut off. */
const plain = /^(?! )[\x20-\x24\x26-\x7e]*$(?<! )/;

let last = { block: "", bytes: new Uint8Array(0) };

/** The header block as it goes over the wire. Many events differ from the one before in their subject only. */
export function encodeHeaders(headers: Headers): Uint8Array {
  let block = "NATS/1.0\r\n";
  for (const name in headers) {
    const value = headers[name as HeaderName];
    if (value === undefined) continue;
    block += `${headerNames[name as HeaderName]}: ${plain.test(value) ? value : encodeValue(value)}\r\n`;
  }
  if (block === last.block) return last.bytes;
  last = { block, bytes: Buffer.from(`${block}\r\n`, "latin1") };
  return last.bytes;
}

const firstLineLength = "NATS/1.0\r\n".length;
const maybeKnownLine = Buffer.from(`${headerNames.maybeKnown}: 1\r\n`);

/** By so much a block grows when it is marked. */
export const maybeKnownLength = maybeKnownLine.length;

/** The same block, of a message that may have been stored before. */
export function markMaybeKnown(block: Uint8Array): Uint8Array {
  return withLines(block, maybeKnownLine);
}

/** By no more than so much a block grows in a batch; it is more than `maybeKnownLength`. */
export const batchHeadersLength = 160;

/** The same block, of the nth message of an atomic batch. */
export function batchHeaders(
  block: Uint8Array,
  batch: string,
  sequence: number,
  isLast: boolean,
): Uint8Array {
  const commit = isLast ? "Nats-Batch-Commit: 1\r\n" : "";
  const lines = `Nats-Batch-Id: ${batch}\r\nNats-Batch-Sequence: ${sequence}\r\n${commit}`;
  return withLines(block, Buffer.from(lines, "latin1"));
}

function withLines(block: Uint8Array, lines: Uint8Array): Uint8Array {
  const first = block.subarray(0, firstLineLength);
  return Buffer.concat([first, lines, block.subarray(firstLineLength)]);
}

/** Half a character, as cutting a text may leave, is replaced: encodeURIComponent throws for it. */
function encodeValue(value: string): string {
  return encodeURIComponent(Buffer.from(value, "utf8").toString("utf8"));
}

const byWireName = new Map<string, HeaderName>(
  Object.entries(headerNames).map(([name, wireName]) => [
    wireName.toLowerCase(),
    name as HeaderName,
  ]),
);

/** Reads a header block; names are matched without regard to case, unknown ones are passed over. */
export function decodeHeaders(block: string): Headers {
  const headers: Headers = {};
  let start = block.indexOf("\r\n") + 2;
  while (start < block.length) {
    let end = block.indexOf("\r\n", start);
    if (end === -1) end = block.length;
    const colon = block.indexOf(":", start);
    if (colon !== -1 && colon < end) {
      const name = block.slice(start, colon);
      const known = byWireName.get(name) ?? byWireName.get(name.toLowerCase());
      if (known)
        headers[known] = decodeValue(block.slice(colon + 1, end).trim());
    }
    start = end + 2;
  }
  return headers;
}

export function decodeValue(value: string): string {
  if (!value.includes("%")) return value;
  try {
    return decodeURIComponent(value);
  } catch {
    return value; // a bare client's own "%"
  }
}

export const contentTypes: Readonly<Record<ContentType, string>> = {
  msgpack: "application/msgpack",
  json: "application/json",
};

/** Msgpack is what a body without the header is taken for, unless it looks like JSON. */
export function contentTypeHeader(
  contentType: ContentType,
): string | undefined {
  return contentType === "msgpack" ? undefined : contentTypes[contentType];
}

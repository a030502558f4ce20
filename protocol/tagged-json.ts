// Values as JSON from which they come back as they were: dates, bytes, and numbers that JSON does not have, stand in it
// as objects with one key that begins with "$".

type Tag = "$date" | "$bytes" | "$number" | "$bigint" | "$object";

/** What `JSON.stringify` may be given. */
export function toTagged(value: unknown): unknown {
  if (typeof value === "bigint") return tagged("$bigint", String(value));
  if (typeof value === "number") return taggedNumber(value);
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Date)
    return tagged(
      "$date",
      Number.isNaN(value.getTime()) ? "" : value.toISOString(),
    );
  if (value instanceof Uint8Array)
    return tagged("$bytes", Buffer.from(value).toString("base64"));
  if (Array.isArray(value)) return value.map(toTagged);
  const entries = Object.entries(value)
    .filter(([, each]) => each !== undefined)
    .map(([key, each]) => [key, toTagged(each)]);
  const object: unknown = Object.fromEntries(entries);
  const isMistakable = Object.keys(value).some((key) => key.startsWith("$"));
  return isMistakable ? tagged("$object", object) : object;
}

/** The value of what `JSON.parse` gave. */
export function fromTagged(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(fromTagged);
  const [only, ...more] = Object.keys(value);
  if (only?.startsWith("$") && more.length === 0)
    return untagged(only, (value as Record<string, unknown>)[only]);
  return untaggedObject(value);
}

function untagged(tag: string, said: unknown): unknown {
  switch (tag) {
    case "$date":
      return new Date(said === "" ? Number.NaN : String(said));
    case "$bytes":
      return Buffer.from(String(said), "base64");
    case "$number":
      return Number(said);
    case "$bigint":
      return BigInt(String(said));
    case "$object":
      return untaggedObject(said as object);
    default: // written by hand
      return { [tag]: fromTagged(said) };
  }
}

function untaggedObject(value: object): unknown {
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key, fromTagged(each)]),
  );
}

function tagged(tag: Tag, value: unknown): unknown {
  return { [tag]: value };
}

function taggedNumber(value: number): unknown {
  return Number.isFinite(value) ? value : tagged("$number", String(value));
}

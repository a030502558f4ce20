// Whether it may take long to check a value by a JSON Schema that somebody else wrote. A regular expression may need a
// time that doubles with each letter, and references may multiply what is to be looked at.

/** Beyond it, a pattern is not looked at any closer. */
const longest = 200;

/** Where in the schema that stands, as a path each; also where it cannot be told. */
export function risksIn(schema: unknown): string[] {
  const risks: string[] = [];
  const left = [{ value: schema, path: "" }];
  for (let next = left.pop(); next; next = left.pop()) {
    const { value, path } = next;
    if (typeof value !== "object" || value === null) continue;
    for (const [name, inner] of Object.entries(value)) {
      const place = Array.isArray(value)
        ? `${path}[${name}]`
        : path === ""
          ? name
          : `${path}.${name}`;
      if (isRisky(name, inner)) risks.push(place);
      left.push({ value: inner, path: place });
    }
  }
  return risks;
}

const isRisky = (name: string, value: unknown): boolean =>
  name === "$ref" ||
  name === "patternProperties" ||
  (name === "pattern" && typeof value === "string" && !isPlain(value));

/** It begins at the start, has neither groups nor alternatives, and one choice of how often: there is little to try. */
function isPlain(pattern: string): boolean {
  if (!pattern.startsWith("^") || pattern.length > longest) return false;
  const bare = pattern
    .replaceAll(/\\./gs, "x")
    .replaceAll(/\[[^\]]*\]/g, "x")
    .replaceAll(/\{\d+\}/g, "");
  const choices = bare.match(/[*+?{]/g) ?? [];
  return choices.length <= 1 && !/[()|]/.test(bare);
}

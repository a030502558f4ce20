// Whether it may take long to check an input by a JSON Schema that another process wrote. A regular expression
// may need a time that doubles with each letter, and references may multiply what is to be looked at.

/** Beyond it, a pattern is not looked at any closer. */
const longest = 200;

/** Answers true where it cannot be told. */
export function mayTakeLong(schema: unknown): boolean {
  const left = [schema];
  while (left.length > 0) {
    const next = left.pop();
    if (typeof next !== "object" || next === null) continue;
    for (const [name, value] of Object.entries(next)) {
      if (name === "$ref" || name === "patternProperties") return true;
      if (name === "pattern" && typeof value === "string" && !isPlain(value))
        return true;
      left.push(value);
    }
  }
  return false;
}

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

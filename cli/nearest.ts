// "Did you mean": what is said of a word that is unknown.
import { nearest } from "../protocol/nearest.js";

/** `unknown verb "sumbit": did you mean "submit"?`, or what there is. */
export function unknownWord(
  what: string,
  word: string,
  known: readonly string[],
): string {
  const near = nearest(word, known);
  return near === undefined
    ? `unknown ${what} "${word}": there are ${known.join(", ")}`
    : `unknown ${what} "${word}": did you mean "${near}"?`;
}

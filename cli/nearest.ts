// What is said of a word that is unknown.
import { didYouMean } from "../protocol/nearest.js";

/** `unknown verb "sumbit": did you mean "submit"?`, or what there is. */
export function unknownWord(
  what: string,
  word: string,
  known: readonly string[],
): string {
  const all = `there are ${known.join(", ")}`;
  return `unknown ${what} "${word}": ${didYouMean(word, known, all)}`;
}

// From a text to the words by which skills are found: lower case, without accents, names split at their humps
// and underscores, words cut to their stems. Small words are kept: "how many", "where is" and "is it" tell much of
// what is meant, and what occurs everywhere counts little by itself.
import { stemmer } from "stemmer";

const stems = new Map<string, string>();
const maxStems = 20_000;
/** Whoever pastes a whole document is understood by its beginning, and what is this long is no word. */
const maxWords = 200;
const maxLetters = 40;
const maxText = 4_000;

/** In order, and as often as they occur. */
export function wordsOf(text: string): string[] {
  const words: string[] = [];
  const plain = text
    .slice(0, maxText)
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .replace(/(\p{Ll})(\p{Lu})/gu, "$1 $2")
    .toLowerCase()
    .replace(/['’]/g, "");
  for (const [word] of plain.matchAll(/[\p{L}\p{N}]+/gu)) {
    if (words.length === maxWords) break;
    if (word.length > maxLetters) continue;
    words.push(stemOf(word));
  }
  return words;
}

/** Neighbours, which say more together than each alone: "shopping list" is no "mailing list". */
export function pairsOf(words: readonly string[]): string[] {
  return words.slice(1).map((word, at) => `${words[at]!} ${word}`);
}

function stemOf(word: string): string {
  const known = stems.get(word);
  if (known !== undefined) return known;
  if (stems.size >= maxStems) stems.clear();
  const stem = stemmer(word);
  stems.set(word, stem);
  return stem;
}

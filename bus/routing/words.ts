// From a text to the words by which skills are found: lower case, without accents, names split at their
// humps and underscores, words cut to their stems, and without those that say nothing of what is meant.
import { stemmer } from "stemmer";

const silent = new Set(
  (
    "a about again all also am an and any are as at be because been but by can could did do does doing done for " +
    "from get give go had has have he her here hers him his how i if in into is it its just let like make may me " +
    "might mine my need no not now of on one or our ours out over own please put really she should so some than " +
    "that the their them then there these they thing things this those to too us very want was way we were what " +
    "when where which who whom why will with would you your yours im ive id ill dont doesnt didnt cant couldnt " +
    "isnt wont whats thats got pls something somebody someone anything everything"
  ).split(" "),
);

const stems = new Map<string, string>();
const maxStems = 20_000;

/** In order, and as often as they occur. */
export function wordsOf(text: string): string[] {
  const words: string[] = [];
  const plain = text
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .replace(/(\p{Ll}|\d)(\p{Lu})/gu, "$1 $2")
    .toLowerCase()
    .replace(/['’]/g, "");
  for (const [word] of plain.matchAll(/[\p{L}\p{N}]+/gu))
    if (!silent.has(word)) words.push(stemOf(word));
  return words;
}

function stemOf(word: string): string {
  const known = stems.get(word);
  if (known !== undefined) return known;
  if (stems.size >= maxStems) stems.clear();
  const stem = stemmer(word);
  stems.set(word, stem);
  return stem;
}

// The known word that is the fewest typing mistakes away.

/** Of three letters, two mistakes would leave one. */
const mistakesAllowed = (name: string): number => (name.length <= 3 ? 1 : 2);

/** Undefined when no known word is near. A word that was only begun is taken for the whole. */
export function nearest(
  word: string,
  known: readonly string[],
): string | undefined {
  const [best] = known
    .map((name) => ({ name, mistakes: mistakesBetween(word, name) }))
    .filter(({ name, mistakes }) => mistakes <= mistakesAllowed(name))
    .sort((a, b) => a.mistakes - b.mistakes);
  const begun = known.find((name) => word.length > 1 && name.startsWith(word));
  return begun ?? best?.name;
}

/** `did you mean "submit"?`, or, where no known word is near, what is said otherwise. */
export function didYouMean(
  word: string,
  known: readonly string[],
  otherwise: string,
): string {
  const near = nearest(word, known);
  return near === undefined ? otherwise : `did you mean "${near}"?`;
}

/** Levenshtein's distance, with two neighbours exchanged as one mistake. */
function mistakesBetween(left: string, right: string): number {
  let before: number[] = [];
  let last = Array.from({ length: right.length + 1 }, (_, at) => at);
  for (let i = 1; i <= left.length; i++) {
    const row = [i];
    for (let j = 1; j <= right.length; j++) {
      const same = left[i - 1] === right[j - 1];
      const swapped =
        i > 1 &&
        j > 1 &&
        left[i - 1] === right[j - 2] &&
        left[i - 2] === right[j - 1];
      row[j] = Math.min(
        last[j]! + 1,
        row[j - 1]! + 1,
        last[j - 1]! + (same ? 0 : 1),
        swapped ? before[j - 2]! + 1 : Number.POSITIVE_INFINITY,
      );
    }
    before = last;
    last = row;
  }
  return last[right.length]!;
}

import type { Term } from "../leading/term.js";

const atOnce = 32;

/** Does it to all, so many at once, for as long as the term lasts. Throws LEASE_LOST. */
export async function someAtOnce<Each, Done>(
  term: Term,
  all: readonly Each[],
  act: (each: Each) => Promise<Done>,
): Promise<Done[]> {
  const done: Done[] = [];
  for (let at = 0; at < all.length; at += atOnce) {
    term.check();
    done.push(...(await Promise.all(all.slice(at, at + atOnce).map(act))));
  }
  return done;
}

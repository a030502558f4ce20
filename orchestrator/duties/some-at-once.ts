import type { Link } from "../../bus/connection/connection.js";
import { TroupeError, type ErrorCode } from "../../protocol/errors.js";
import type { Term } from "../leading/term.js";

const atOnce = 32;
const unreadable: readonly ErrorCode[] = [
  "ARGUMENT_INVALID", // a name that no task can have
  "JOURNAL_UNREADABLE",
];

/**
 * Does it to all, so many at once, for as long as the term lasts. One that cannot be read holds up no other: whoever may
 * write there may write anything (R7). Throws LEASE_LOST, and what may be over later.
 */
export async function someAtOnce<Each, Done>(
  { link }: { link: Link },
  term: Term,
  all: readonly Each[],
  act: (each: Each) => Promise<Done>,
): Promise<(Done | undefined)[]> {
  const tryToAct = async (each: Each): Promise<Done | undefined> => {
    try {
      return await act(each);
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      link.log.warn(
        { error: error.message },
        "the leader cannot read what stands here and passes it over",
      );
      return undefined;
    }
  };
  const done: (Done | undefined)[] = [];
  for (let at = 0; at < all.length; at += atOnce) {
    term.check();
    const some = all.slice(at, at + atOnce);
    done.push(...(await Promise.all(some.map(tryToAct))));
  }
  return done;
}

function isUnreadable(error: unknown): error is TroupeError {
  return error instanceof TroupeError && unreadable.includes(error.code);
}

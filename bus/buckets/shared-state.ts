// A value of a bucket that several processes change, each by a function of what is there.
//
// 1. A change is stored only over the value that it was made from; who is beaten to it reads again and decides
//    again.
// 2. After a reconnect a change may be stored and called a conflict, and is decided again over itself: a
//    function is to see that, or to do no harm twice.
import { setTimeout as wait } from "node:timers/promises";
import { isConflict, TroupeError } from "../../protocol/errors.js";
import type { Bucket } from "./bucket.js";

interface Step<State, Result> {
  /** Undefined leaves the value as it is. */
  state: State | undefined;
  result: Result;
  /** The value is of no use after so long, and goes away. */
  ttlMs?: number;
}

interface Changed<State, Result> {
  /** As it is now. */
  state: State | undefined;
  /** 0 where there is none. */
  revision: number;
  result: Result;
}

const maxTries = 50;
const longestPauseMs = 64;

/** Throws CONFLICT when others were quicker for some seconds on end, and what the bucket throws. */
export async function changeShared<State, Result>(
  bucket: Bucket<State>,
  key: string,
  decide: (state: State | undefined) => Step<State, Result>,
): Promise<Changed<State, Result>> {
  for (let tries = 1; ; tries++) {
    const entry = await bucket.get(key);
    const { state, result, ttlMs } = decide(entry?.value);
    if (state === undefined) {
      const revision = entry?.revision ?? 0;
      return { state: entry?.value, revision, result };
    }
    const options = ttlMs === undefined ? {} : { ttlMs };
    try {
      const revision = entry
        ? await bucket.update(key, state, entry.revision, options)
        : await bucket.create(key, state, options);
      return { state, revision, result };
    } catch (error) {
      if (!isConflict(error)) throw error;
      if (tries >= maxTries) throw contended(bucket.name, key, error);
      await wait(Math.random() * Math.min(longestPauseMs, 2 ** tries));
    }
  }
}

function contended(name: string, key: string, cause: unknown): TroupeError {
  return new TroupeError(
    "CONFLICT",
    `"${key}" of bucket "${name}" was changed by others ${maxTries} times while we tried to: try again`,
    { cause },
  );
}

// A token bucket that several processes draw from, as one number: when it will be full again. Pure.
//
// 1. Of what was drawn never more than `limit * t + capacity` falls into any span of t, whoever draws and in
//    whatever order, as long as each draw is stored over the bucket that it was made from.
//    Tokens cannot be given back: the bucket may have filled since, and would not have if it had been full.
// 2. Time never goes back in a bucket: a draw happens no sooner than the one before it.
// 3. A bucket that nobody has drawn from for as long as it takes to fill is the same as none.
import { z } from "zod";

export const bucketSchema = z.object({
  /** When it will be full, if nobody draws. */
  fullAt: z.number(),
  /** When it was last drawn from. */
  at: z.number(),
});

export type TokenBucket = z.infer<typeof bucketSchema>;

export interface BucketRules {
  /** In this time it gains one token. */
  everyMs: number;
  /** So many tokens fit into it. */
  capacity: number;
}

interface Draw {
  bucket: TokenBucket;
  /** Whole tokens, no more than were wanted. */
  drawn: number;
  /** When there will be a token after this. */
  nextAt: number;
}

/** Takes as many tokens as there are, up to `wanted`. */
export function draw(
  bucket: TokenBucket | undefined,
  { everyMs, capacity }: BucketRules,
  now: number,
  wanted: number,
): Draw {
  const at = Math.max(now, bucket?.at ?? now);
  const roomMs = capacity * everyMs;
  // No emptier than empty, should the rules have been changed.
  const fullAt = Math.min(Math.max(at, bucket?.fullAt ?? at), at + roomMs);
  // Times are large numbers and a token may be a small one: only differences may be reckoned with.
  const there = Math.floor(capacity - (fullAt - at) / everyMs + 1e-6);
  const drawn = Math.max(0, Math.min(wanted, there));
  const next = { fullAt: fullAt + drawn * everyMs, at };
  return {
    bucket: next,
    drawn,
    nextAt: next.fullAt - roomMs + everyMs,
  };
}

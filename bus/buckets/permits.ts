// Permits that the instances of an agent share, such as four at a time among all of them. Each instance says how
// many it wants and is given what the others leave. Pure.
//
// 1. Together they hold no more than the limit, as long as each change is stored over what it was made from.
// 2. An instance that wants more and gets none is seen by the others: of these, who holds more than its even
//    share and does not use it gives it up.
// 3. What an instance holds it must renew; when it is silent for the time to live it holds nothing any more.
import { z } from "zod";

const share = z.object({
  holds: z.number(),
  wants: z.number(),
  until: z.number(),
});

export const permitsSchema = z.record(z.string(), share);

/** By instance. */
export type Permits = z.infer<typeof permitsSchema>;

interface Claim {
  instance: string;
  /** So many it uses now; they are not taken from it. */
  uses: number;
  /** So many it would use, with those. */
  wants: number;
  limit: number;
  ttlMs: number;
}

/** Brings the instance's share up to date; it is 0 and gone when the instance wants nothing. */
export function claim(
  permits: Permits | undefined,
  { instance, uses, wants, limit, ttlMs }: Claim,
  now: number,
): Permits {
  const others = othersThan(permits, instance, now);
  const shares = Object.values(others);
  const left = limit - sum(shares.map(({ holds }) => holds));
  const hungry = shares.filter((other) => other.wants > other.holds).length;
  const even = Math.ceil(limit / (shares.length + 1));
  const fair = hungry === 0 ? wants : Math.min(wants, even);
  const holds = Math.max(uses, Math.min(fair, left), 0);
  if (wants === 0 && uses === 0) return others;
  return { ...others, [instance]: { holds, wants, until: now + ttlMs } };
}

export function heldBy(permits: Permits | undefined, instance: string): number {
  return permits?.[instance]?.holds ?? 0;
}

/** Whether another instance wants more than it has. */
export function isWaitedFor(
  permits: Permits | undefined,
  instance: string,
  now: number,
): boolean {
  return Object.values(othersThan(permits, instance, now)).some(
    ({ holds, wants }) => wants > holds,
  );
}

/** When the first of the others' shares runs out, unless it is renewed. */
export function nextEnd(
  permits: Permits | undefined,
  instance: string,
  now: number,
): number {
  const ends = Object.values(othersThan(permits, instance, now)).map(
    ({ until }) => until,
  );
  return Math.min(...ends);
}

function othersThan(
  permits: Permits = {},
  instance: string,
  now: number,
): Permits {
  return Object.fromEntries(
    Object.entries(permits).filter(
      ([name, { until }]) => name !== instance && until > now,
    ),
  );
}

function sum(numbers: number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

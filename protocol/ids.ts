// Identifiers. Those we make are ULIDs: they sort by time and need no coordination.
import { randomFillSync } from "node:crypto";
import { monotonicFactory } from "ulid";

// The library asks for randomness byte by byte, and the system is asked for it in larger pieces.
const pool = new Uint32Array(1024);
let drawn = pool.length;

function random(): number {
  if (drawn === pool.length) {
    randomFillSync(pool);
    drawn = 0;
  }
  return pool[drawn++]! / 2 ** 32;
}

const next = monotonicFactory(random);

/** A new id, greater than all that this process made before it. */
export function newId(): string {
  return next();
}

/** A short token for one connection or instance; unlike an id it says nothing of time. */
export function newToken(): string {
  return (
    next().slice(-12).toLowerCase() +
    Math.floor(random() * 36 ** 4).toString(36)
  );
}

// Identifiers. Those we make are ULIDs: they sort by time and need no coordination.
import { monotonicFactory } from "ulid";

const next = monotonicFactory();

/** A new id, greater than all that this process made before it. */
export function newId(): string {
  return next();
}

/** A short token for one connection or instance; unlike an id it says nothing of time. */
export function newToken(): string {
  return (
    next().slice(-12).toLowerCase() +
    Math.floor(Math.random() * 36 ** 4).toString(36)
  );
}

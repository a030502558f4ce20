// What a query is answered from: the projection, brought up to date, and what the bus itself can tell.
import type { Link } from "../../bus/connection/connection.js";
import { toMs, type Duration } from "../../protocol/duration.js";
import { TroupeError } from "../../protocol/errors.js";
import type { Publisher } from "../../bus/streams/publisher.js";
import type { Registry } from "../../bus/registry/registry.js";
import type { Projection } from "../view/projection.js";
import type { Fact } from "../view/fact.js";
import type { FoundTask, Query, Standing } from "./queries.js";

export interface UpToDate {
  projection: Projection;
  /** Which part of the log the answer is of; to be asked for when it is made. */
  standing(this: void): Standing;
}

export interface View {
  readonly link: Link;
  readonly publisher: Publisher;
  readonly registry: Registry;
  /** The projection with all that was on the log when this was called, if that comes in time. */
  upToDate(): Promise<UpToDate>;
}

/** A filter for times. Throws ARGUMENT_INVALID. */
export function timeFilter(
  link: Link,
  { since, until }: { since?: string | undefined; until?: string | undefined },
): (at: number) => boolean {
  const from = momentOf(link, since, "since") ?? Number.NEGATIVE_INFINITY;
  const to = momentOf(link, until, "until") ?? Number.POSITIVE_INFINITY;
  return (at) => at >= from && at <= to;
}

const isoDate = /^\d{4}-\d\d/;

function momentOf(
  link: Link,
  moment: string | undefined,
  name: string,
): number | undefined {
  if (moment === undefined) return undefined;
  if (!isoDate.test(moment))
    return link.clock.now() - toMs(moment as Duration, name);
  const at = Date.parse(moment);
  if (!Number.isNaN(at)) return at;
  throw new TroupeError(
    "ARGUMENT_INVALID",
    `${name} "${moment}" is no time: write it as 2026-01-31T12:00:00Z, or how long ago it is, such as "10m"`,
  );
}

/** Without regard to case. */
export function textFilter(
  wanted: string | undefined,
): (...texts: (string | undefined)[]) => boolean {
  if (wanted === undefined) return () => true;
  const sought = wanted.toLowerCase();
  return (...texts) =>
    texts.some((text) => text?.toLowerCase().includes(sought) === true);
}

export function toIso(at: number): string {
  return new Date(at).toISOString();
}

export function stateFilter(
  wanted: Query<"tasks">["state"],
): (state: FoundTask["state"]) => boolean {
  const states = wanted === undefined ? undefined : [wanted].flat();
  return (state) => states?.includes(state) ?? true;
}

export function errorOf(fact: Fact | undefined): Pick<FoundTask, "error"> {
  if (fact?.error === undefined) return {};
  const { code = "HANDLER_FAILED", error: message } = fact;
  return { error: { code, message } };
}

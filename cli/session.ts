// The bus for the time of one call.
import { TroupeError } from "../protocol/errors.js";
import { settledWithin } from "../protocol/settled-within.js";
import { connect } from "../connect.js";
import { tellLog } from "./log-line.js";
import type { Bus } from "../troupe.js";
import type { Call } from "./verb.js";

/** Where no server is named, the project's own: joined when it runs, else started. */
export function openBus(call: Call): Promise<Bus> {
  tellLog(call.output);
  const url = call.text("url");
  const namespace = call.text("namespace");
  return connect({
    name: "troupe command",
    ...(url === undefined ? {} : { url }),
    ...(namespace === undefined ? {} : { namespace }),
  });
}

export async function withBus<Result>(
  call: Call,
  work: (bus: Bus) => Promise<Result>,
): Promise<Result> {
  await using bus = await openBus(call);
  return await work(bus);
}

/** As a shell says of a process that Ctrl-C ended. */
export const interrupted = 130;

const goodbyeMs = 3_000;

/**
 * Drains what the bus serves and closes it. A bus that is gone cannot be said goodbye to: then this throws
 * NOT_CONNECTED soon after the `drainMs` that what is in hand was given, and other workers take it.
 */
export async function closeInTime(bus: Bus, drainMs = 0): Promise<void> {
  const closing = bus.close();
  if (await settledWithin(drainMs + goodbyeMs, closing)) return closing;
  throw new TroupeError(
    "NOT_CONNECTED",
    `nats-server at ${bus.url} did not answer the goodbye: what was in hand goes to another worker when it is back`,
  );
}

/**
 * Resolves when the user (or whoever ends processes) has had enough; a second time, the process ends at once. Before
 * there is anything to be ended in good order, it is not to be asked for: then the signal itself ends the process.
 */
export function untilInterrupted(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      process.once(signal, () => {
        process.once(signal, () => process.exit(interrupted));
        resolve(signal);
      });
    }
  });
}

/** What begins; nothing when the user has had enough before it has begun: then closing the bus ends it. */
export async function unlessStopped<Begun>(
  stopped: Promise<unknown>,
  beginning: Promise<Begun>,
): Promise<Begun | undefined> {
  beginning.catch(() => undefined);
  return Promise.race([beginning, stopped.then(() => undefined)]);
}

/** At once, by the code given: 0 for a verb that goes on until it is stopped, since that is its proper end. */
export function endOnInterrupt(code: number): void {
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, () => process.exit(code));
}

/**
 * Nothing is often the wrong folder, server or namespace, so it says where it has looked; with a filter there
 * may be others, which do not fit.
 */
export function nothing(
  what: string,
  { url, namespace }: Bus,
  isFiltered = false,
): string {
  const where = `${what} in namespace "${namespace}" at ${url}`;
  return isFiltered ? `None of the ${where} fits.` : `No ${where}.`;
}

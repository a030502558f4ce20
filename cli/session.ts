// The bus for the time of one call.
import { connect, type Bus } from "../troupe.js";
import type { Call } from "./verb.js";

/** Where no server is named, the project's own: joined when it runs, else started. */
export function openBus(call: Call): Promise<Bus> {
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

/** Resolves when the user (or whoever ends processes) has had enough; a second time, the process ends at once. */
export function untilInterrupted(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      process.once(signal, () => {
        process.once(signal, () => process.exit(130));
        resolve(signal);
      });
    }
  });
}

/** For a verb that only reads and goes on until it is stopped: stopping it is its proper end. */
export function endOnInterrupt(): void {
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, () => process.exit(0));
}

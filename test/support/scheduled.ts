// What tests of schedules begin with.
import type { TestContext } from "node:test";
import { z } from "zod";
import { Bucket, keyOf } from "../../bus/buckets/bucket.js";
import { Publisher } from "../../bus/streams/publisher.js";
import { agent, skill, type Bus } from "../../index.js";
import {
  scheduleRecord,
  type ScheduleRecord,
} from "../../protocol/schedule.js";
import { doer, quiet } from "./doer.js";
import { eventually as soon } from "./eventually.js";
import { sharedServer } from "./shared-server.js";

export const shared = sharedServer();
/** Firings take seconds, and a busy machine its time. */
export const eventually = <T>(check: () => T | Promise<T>): Promise<T> =>
  soon(check, { timeoutMs: 30_000 });
export const secondly = { every: "1s" } as const;
export const yearly = "0 3 1 1 *";
export const caughtUp = { missed: "catch up" } as const;

export const writer = agent("writer", {
  skills: {
    headline: skill({
      description: "A headline",
      input: z.object({ text: z.string() }),
      run: ({ text }) => text.toUpperCase(),
    }),
  },
});
export const { headline } = writer.skills;
export const text = { text: "rain" };

interface Heard {
  id: string;
  input: unknown;
}

/** A bus that serves the agent "doer", and what it is asked for. */
export async function served(
  t: TestContext,
): Promise<{ bus: Bus; heard: Heard[] }> {
  const bus = await shared.connect(t);
  const heard: Heard[] = [];
  const echo = doer((input, { id }) => {
    heard.push({ id, input });
    return input;
  });
  await bus.serve(echo, quiet);
  return { bus, heard };
}

/** The records themselves, and the wake-ups, for tests of what others have left behind. */
export async function behind(t: TestContext) {
  const link = await shared.link(t);
  const publisher = new Publisher(link);
  const name = link.subjects.buckets.schedules;
  const bucket = new Bucket(link, publisher, name, scheduleRecord);
  const edit = async (of: string, more: Partial<ScheduleRecord>) => {
    const entry = await bucket.get(keyOf(of));
    const value = { ...entry!.value, ...more };
    await bucket.update(entry!.key, value, entry!.revision);
  };
  return { link, publisher, bucket, edit };
}

/** The times in the ids of what was heard, in seconds since the first. */
export function secondsOf(heard: readonly Heard[]): number[] {
  const times = heard.map(({ id }) => Date.parse(id.split("@")[1]!) / 1_000);
  return times.map((time) => time - times[0]!);
}

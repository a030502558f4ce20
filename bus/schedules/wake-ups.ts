// When somebody is to look at a schedule: messages on TIMERS, which the server stores again when their time has
// come. They decide nothing, for the schedule's record does; one too many, or too early, is a look in vain.
//
// They bear no message id: one that is set again to the time that it had before must not count as a duplicate.
import { isConflict } from "../../protocol/errors.js";
import { encodeBody } from "../../protocol/codec.js";
import { encodeHeaders } from "../../protocol/headers.js";
import type { WakeUp } from "../../protocol/subjects.js";
import type { Link } from "../connection/connection.js";
import type { Publisher } from "../streams/publisher.js";
import { latestDue } from "../tasks/timers.js";

/** Replaces the one that stands. */
export async function wakeAt(
  { link, publisher }: { link: Link; publisher: Publisher },
  of: WakeUp,
  dueAt: number,
  expectedLastSubjectSequence?: string,
): Promise<void> {
  const at = Math.min(Math.round(dueAt), latestDue);
  const headers = encodeHeaders({
    schedule: `@at ${new Date(at).toISOString()}`,
    scheduleTarget: link.subjects.wokenUp(of),
    expectedLastSubjectSequence,
  });
  const subject = link.subjects.wakeUp(of);
  await publisher.store(subject, headers, encodeBody({ at }, "json"));
}

/** Leaves the one that stands. */
export async function wakeOnceAt(
  host: { link: Link; publisher: Publisher },
  of: WakeUp,
  dueAt: number,
): Promise<void> {
  try {
    await wakeAt(host, of, dueAt, "0");
  } catch (error) {
    if (!isConflict(error)) throw error;
  }
}

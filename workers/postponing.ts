// A retry that is far off: the task's message stands on TIMERS until then, so that it holds no place among the
// deliveries, and whoever cancels it can bring it back at once.
//
// 1. R3: its message is acknowledged only after the timer is stored.
// 2. Who was held up for so long that another took the task postpones nothing: it would take the other's timer away.
//    Whoever takes a task up again says so on its history first.
// 3. A cancel that comes meanwhile is not missed: who postpones looks for one after the timer is stored, and who
//    cancels looks for the timer after that.
import { eventsOf } from "../bus/history/history.js";
import { cancelAsked, readSignals } from "../bus/journal/signals.js";
import { timerOf } from "../bus/journal/parking.js";
import { schedule } from "../bus/tasks/timers.js";
import { isConflict } from "../protocol/errors.js";
import type { Headers } from "../protocol/headers.js";
import type { Assignment, Result } from "./assignment.js";

export async function postpone(
  task: Assignment,
  dueAt: number,
): Promise<Result> {
  const { host, delivery } = task;
  if (!(await storeTimer(task, dueAt))) {
    host.link.log.info(
      { task: task.id },
      "another instance has taken up this task, which was held up here for too long: it is left to that",
    );
    return "late";
  }
  // The timer stands in any case, and finds at the worst that the task has ended.
  if (await isCanceled(task)) return task.giveBack(0);
  delivery.acknowledge();
  return "retried";
}

/** False where the task is another's by now. */
async function storeTimer(task: Assignment, dueAt: number): Promise<boolean> {
  const { host, delivery, id: taskId, agent } = task;
  const { link, publisher } = host;
  const before = await timerOf(link, { agent, taskId });
  if (await isAnothers(task)) return false;
  const headers: Headers = {
    ...delivery.headers,
    attempt: String(task.attempt),
    parked: undefined, // else it would be taken for what was sent then
    waitsFor: undefined,
    expectedLastSubjectSequence: String(before?.sequence ?? 0),
  };
  const { subject: target, body } = delivery;
  try {
    await task.ownJournal();
    const timer = { taskId, agent, dueAt, target, headers, body };
    await schedule(link, publisher, timer);
  } catch (error) {
    if (!isConflict(error)) throw error;
    // It may be our own, whose acknowledgement got lost.
    const stands = await timerOf(link, { agent, taskId });
    const { attempt, parked } = stands?.headers ?? {};
    return attempt === headers.attempt && parked === undefined;
  }
  return true;
}

async function isAnothers({
  host,
  id,
  agent,
  attempt: own,
}: Assignment): Promise<boolean> {
  const events = await eventsOf(host.link, id, agent);
  return events.some(({ attempt = 1 }) => attempt > own);
}

async function isCanceled({
  host,
  id: taskId,
  agent,
  hasJournal,
}: Assignment): Promise<boolean> {
  if (!hasJournal) return false; // its canceler has ended it
  const signals = await readSignals(host.link, { agent, taskId });
  return cancelAsked(signals) !== undefined;
}

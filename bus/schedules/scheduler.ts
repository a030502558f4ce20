// Looks at schedules when the server says that it is time. Every serving process runs one, and all share a
// consumer, so that a wake-up goes to one of them, and to another if that one dies.
//
// Besides each schedule's own wake-up there is one that goes round for ever: it looks at what is overdue, and at
// what was written lately, in case its writer died before it could set the schedule's own.
import { decodeBody } from "../../protocol/codec.js";
import { messageOf } from "../../protocol/errors.js";
import { settledWithin } from "../../protocol/settled-within.js";
import { decodeToken, tokenAt } from "../../protocol/tokens.js";
import type { Link } from "../connection/connection.js";
import { isDenied } from "../connection/denied.js";
import { PriorityConsumer } from "../delivery/consumer.js";
import type { Delivery } from "../delivery/delivery.js";
import { ensureConsumer } from "../delivery/pull.js";
import type { Firer, ScheduleEntry } from "./firer.js";
import { wakeAt } from "./wake-ups.js";

export const sweepMs = 20_000;
const ackWaitMs = 3_000;
const tryAgainMs = 1_000;
const lately = 3 * sweepMs;
const slots = 64;
/** Of a round. */
const atOnce = 16;
/** So long `stop` waits for what is in hand. */
const finishMs = 2_000;

export async function startScheduler(
  firer: Firer,
): Promise<{ stop(): Promise<void> }> {
  const { link } = firer;
  const consumer = {
    stream: link.subjects.streams.timers,
    name: "scheduler",
    filter: link.subjects.allWokenUp,
    ackWaitMs,
    maxInHand: -1,
  };
  if (!(await mayConsume(link, () => ensureConsumer(link, consumer))))
    return { stop: () => Promise.resolve() };
  const looks = new Set<Promise<void>>();
  const scheduler = new PriorityConsumer(link, slots, (delivery) => {
    const looking = look(firer, delivery).finally(() => {
      looks.delete(looking);
      scheduler.release();
    });
    looks.add(looking);
  });
  scheduler.add(consumer, 1);
  return {
    /** What is in hand is finished: another would get it only when it has waited in vain. */
    async stop() {
      await scheduler.stop();
      await settledWithin(finishMs, Promise.all(looks));
    },
  };
}

/** Who may not leaves schedules to the others. */
async function mayConsume(
  link: Link,
  make: () => Promise<void>,
): Promise<boolean> {
  try {
    await make();
    return true;
  } catch (error) {
    if (!isDenied(error)) throw error;
    link.log.warn(
      { error: messageOf(error) },
      "this user may not fire schedules: give it the permission of nats.conf, or leave it to other processes",
    );
    return false;
  }
}

async function look(firer: Firer, delivery: Delivery): Promise<void> {
  const alive = setInterval(() => delivery.keepAlive(), ackWaitMs / 3);
  try {
    const isSweep = tokenAt(delivery.subject, 3) === "sweep";
    if (isSweep) await sweep(firer);
    else {
      const name = decodeToken(tokenAt(delivery.subject, 4));
      await firer.settle(name, dueAtOf(delivery));
    }
    delivery.acknowledgeNow();
  } catch (error) {
    if (firer.link.closed) return;
    firer.link.log.warn(
      { subject: delivery.subject, error: messageOf(error) },
      "a schedule that is due could not be fired; it is tried again",
    );
    delivery.retryIn(tryAgainMs);
  } finally {
    clearInterval(alive);
  }
}

/** What cannot be read says nothing of the time; the record does (R7). */
function dueAtOf({ body, headers }: Delivery): number {
  try {
    const { at } = decodeBody(body, headers.contentType) as { at?: unknown };
    return typeof at === "number" ? at : 0;
  } catch {
    return 0;
  }
}

async function sweep(firer: Firer): Promise<void> {
  const now = firer.link.clock.now();
  await wakeAt(firer, "all", now + sweepMs);
  const entries = await firer.bucket.entries();
  const names = entries
    .filter((entry) => needsALook(entry, now))
    .map(({ value }) => value.name);
  for (let at = 0; at < names.length; at += atOnce)
    await Promise.all(
      names.slice(at, at + atOnce).map((name) => firer.settle(name)),
    );
}

function needsALook({ value, at }: ScheduleEntry, now: number): boolean {
  const { pending, next = Number.POSITIVE_INFINITY } = value;
  return pending.length > 0 || next <= now || now - at.getTime() < lately;
}

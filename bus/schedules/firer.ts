// Fires what has fallen due, from the records of schedules alone: whoever looks does whatever is left to do, in
// whatever state another has died.
//
// 1. A firing is taken by compare-and-set on the record, then its task is submitted under an id that follows from
//    the schedule's name and the firing's time, then the record says that it is done. What is taken and not done
//    is done by whoever looks next: the queue and the log know the id, so it is one task.
// 2. The wake-up for the next firing is set after the record was written, and looked after: if the record has
//    changed meanwhile, it is set anew. Only then is the wake-up that led here acknowledged (R3).
// 3. It is due when the server's clock says so, or when the server itself said so by a wake-up.
import { z } from "zod";
import { messageOf, TroupeError } from "../../protocol/errors.js";
import { takeDue } from "../../protocol/due-firings.js";
import { isReadable } from "../../protocol/firing-times.js";
import {
  firingId,
  scheduleRecord,
  type ScheduleRecord,
} from "../../protocol/schedule.js";
import { Bucket, isConflict, keyOf, type Entry } from "../buckets/bucket.js";
import type { Link } from "../connection/connection.js";
import type { Publisher } from "../streams/publisher.js";
import type { Submitter } from "../tasks/submitter.js";
import { wakeAt } from "./wake-ups.js";

export type ScheduleEntry = Entry<ScheduleRecord>;

const mostSteps = 1_000;

/** Another process can do nothing about it either. */
const refusals = ["PAYLOAD_TOO_LARGE", "ARGUMENT_INVALID"];

export class Firer {
  readonly link: Link;
  readonly publisher: Publisher;
  readonly bucket: Bucket<ScheduleRecord>;
  readonly #submitter: Submitter;

  constructor(link: Link, publisher: Publisher, submitter: Submitter) {
    this.link = link;
    this.publisher = publisher;
    this.#submitter = submitter;
    const name = link.subjects.buckets.schedules;
    const schema = scheduleRecord.refine(
      ({ definition }) => isReadable(definition.timing),
      "its times cannot be read",
    );
    this.bucket = new Bucket(link, publisher, name, schema);
  }

  read(name: string): Promise<ScheduleEntry | undefined> {
    return this.bucket.get(keyOf(name));
  }

  /** Fires what is due, and sees to it that the next firing is not forgotten. */
  async settle(name: string, dueAt = 0): Promise<void> {
    let entry = await this.read(name);
    for (let steps = 0; entry && steps < mostSteps; steps++) {
      const now = Math.max(this.link.clock.now(), dueAt);
      const { pending, paused, next }: ScheduleRecord = entry.value;
      const taken = takeDue(entry.value, now);
      if (pending.length > 0) entry = await this.finish(entry);
      else if (taken) entry = await this.write(entry, taken);
      else if (paused || next === undefined) return;
      else {
        await wakeAt(this, { name }, next);
        const read = await this.read(name);
        // An older one is what a replica answers that is behind.
        if (!read || read.revision <= entry.revision) return;
        entry = read;
      }
    }
  }

  /** Submits what was taken. Answers with the record as it is then; undefined when it is gone. */
  async finish(entry: ScheduleEntry): Promise<ScheduleEntry | undefined> {
    const { pending, ...record } = entry.value;
    if (pending.length === 0) return entry;
    let { last } = record;
    for (const at of pending) last = await this.#fire(entry.value, at);
    const done = { ...record, pending: [], ...(last ? { last } : {}) };
    return this.write(entry, done);
  }

  /** Where another was quicker, its record counts. */
  async write(
    { key, revision }: ScheduleEntry,
    value: ScheduleRecord,
  ): Promise<ScheduleEntry | undefined> {
    try {
      const written = await this.bucket.update(key, value, revision);
      return { key, value, revision: written, at: new Date() };
    } catch (error) {
      if (!isConflict(error)) throw error;
      return this.bucket.get(key);
    }
  }

  async #fire(record: ScheduleRecord, at: number) {
    const taskId = firingId(record.name, at);
    try {
      await this.submit(record, taskId);
      return { at, taskId };
    } catch (error) {
      const refused = messageOf(error);
      if (!(error instanceof TroupeError) || !refusals.includes(error.code))
        throw error;
      this.link.log.error(
        { schedule: record.name, taskId, error: refused },
        "a schedule's task cannot be submitted; the firing is passed over",
      );
      return { at, taskId, refused };
    }
  }

  /** Its input was checked when it was scheduled. What no longer fits becomes a dead letter, which can be redriven. */
  async submit({ definition }: ScheduleRecord, id: string): Promise<void> {
    const { agent, skill, input, deadlineMs } = definition;
    const { priority, key, context, lane } = definition;
    const stateful = definition.stateful === true;
    const target = { agent, name: skill, input: z.any(), stateful };
    await this.#submitter.submit(target, input, {
      id,
      hasQueue: true,
      ...(priority === undefined ? {} : { priority }),
      ...(key === undefined ? {} : { key }),
      ...(context === undefined ? {} : { context }),
      ...(lane === undefined ? {} : { lane }),
      ...(deadlineMs === undefined ? {} : { deadline: deadlineMs }),
    });
  }
}

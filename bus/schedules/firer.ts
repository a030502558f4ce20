// Fires what has fallen due, from the records of schedules alone: whoever looks does whatever is left to do, in
// whatever state another has died.
//
// 1. A firing is taken by compare-and-set on the record, then its task is submitted under an id that follows from
//    the schedule's name and the firing's time, then the record says that it is done. What is taken and not done
//    is done by whoever looks next: the queue and the log know the id, so it is one task.
// 2. The wake-up for the next firing is set after the record was written, and looked after: if the record has
//    changed meanwhile, it is set anew. Only then is the wake-up that led here acknowledged (R3).
// 3. Where a need is to be met, who was chosen stands in the record before the first task is submitted. Another is
//    chosen when they do not have the skill any more, for firings whose task they were not sent before.
// 4. A firing that no process can make a task of is told: on the log, and in the record.
// 5. It is due when the server's clock says so, or when the server itself said so by a wake-up.
import { z } from "zod";
import { isConflict } from "../../protocol/errors.js";
import { takeDue } from "../../protocol/due-firings.js";
import { isReadable } from "../../protocol/firing-times.js";
import {
  firingId,
  scheduleRecord,
  type ScheduleRecord,
} from "../../protocol/schedule.js";
import { Bucket, keyOf, type Entry } from "../buckets/bucket.js";
import type { Link } from "../connection/connection.js";
import { isDenied } from "../connection/denied.js";
import type { Publisher } from "../streams/publisher.js";
import type { Place, Router } from "../routing/router.js";
import type { Submitter } from "../tasks/submitter.js";
import type { Names } from "../tasks/target.js";
import { findTask } from "../tasks/task-list.js";
import { chooseFor } from "./choosing.js";
import { isGone, refusalIn, tellRefused } from "./refusals.js";
import { wakeAt } from "./wake-ups.js";

export type ScheduleEntry = Entry<ScheduleRecord>;

const mostSteps = 1_000;

export class Firer {
  readonly link: Link;
  readonly publisher: Publisher;
  readonly bucket: Bucket<ScheduleRecord>;
  readonly router: Router;
  readonly #submitter: Submitter;

  constructor(
    link: Link,
    publisher: Publisher,
    submitter: Submitter,
    router: Router,
  ) {
    this.link = link;
    this.publisher = publisher;
    this.router = router;
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

  /**
   * Chooses whom what was taken goes to, where that is not named, or submits it. Answers with the record as it is then;
   * undefined when it is gone.
   */
  async finish(entry: ScheduleEntry): Promise<ScheduleEntry | undefined> {
    const { pending, chosen, ...record } = entry.value;
    if (pending.length === 0) return entry;
    const { definition } = record;
    let { last } = record;
    let refused: string | undefined;
    if (definition.need && !chosen)
      try {
        const place = await chooseFor(this.router, definition.need, definition);
        return await this.write(entry, {
          ...entry.value,
          chosen: { ...place },
        });
      } catch (error) {
        refused = refusalIn(error);
        if (refused === undefined) throw error;
      }
    for (const [place, at] of pending.entries()) {
      const fired = await this.#fire(entry.value, at, refused);
      if ("instead" in fired)
        return this.write(entry, {
          ...record,
          pending: pending.slice(place),
          chosen: { ...fired.instead },
          ...(last ? { last } : {}),
        });
      last = fired;
    }
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

  /** `instead`: who was chosen has not the skill any more, and another has. */
  async #fire(record: ScheduleRecord, at: number, refused?: string) {
    const { name, chosen } = record;
    const taskId = firingId(name, at);
    try {
      if (refused === undefined)
        return { at, taskId, ...(await this.submit(record, taskId)) };
    } catch (error) {
      refused = refusalIn(error);
      if (refused === undefined) throw error;
      if (chosen && isGone(error)) {
        const { agent, skill } = chosen;
        const isSent = await this.#isSent(taskId, agent);
        if (isSent === true) return { at, taskId, agent, skill };
        const instead = isSent === false && (await this.#another(record));
        if (instead) return { instead };
      }
    }
    await tellRefused(this, record, taskId, refused);
    return { at, taskId, refused };
  }

  /** By who died over it; undefined for who may not look. */
  async #isSent(taskId: string, agent: string): Promise<boolean | undefined> {
    try {
      return (await findTask(this.link, taskId, agent)) !== undefined;
    } catch (error) {
      if (isDenied(error)) return undefined;
      throw error;
    }
  }

  /** Who has the skill now; undefined where nobody else has. */
  async #another({
    definition,
    chosen,
  }: ScheduleRecord): Promise<Place | undefined> {
    const isSame = ({ agent, skill }: Names) =>
      agent === chosen?.agent && skill === chosen.skill;
    try {
      const { need } = definition;
      return await chooseFor(this.router, need!, definition, isSame);
    } catch (error) {
      if (refusalIn(error) === undefined) throw error;
      return undefined;
    }
  }

  /**
   * Answers with who was chosen for it, where a need says who it may be. Its input was checked when it was scheduled.
   * What no longer fits becomes a dead letter, which can be redriven.
   */
  async submit(
    { definition, chosen }: ScheduleRecord,
    id: string,
  ): Promise<{ agent?: string; skill?: string }> {
    const { agent, skill, need, input, deadlineMs } = definition;
    const { priority, key, context, stateful = false } = definition;
    const place =
      need && (chosen ?? (await chooseFor(this.router, need, definition)));
    const target = place
      ? { agent: place.agent, name: place.skill }
      : { agent: agent!, name: skill!, input: z.any(), stateful };
    const lane = definition.lane ?? place?.lane;
    await this.#submitter.submit(target, input, {
      id,
      hasQueue: true,
      ...(priority === undefined ? {} : { priority }),
      ...(key === undefined ? {} : { key }),
      ...(context === undefined ? {} : { context }),
      ...(lane === undefined ? {} : { lane }),
      ...(place ? { route: place.route } : {}),
      ...(deadlineMs === undefined ? {} : { deadline: deadlineMs }),
    });
    return place ? { agent: place.agent, skill: place.skill } : {};
  }
}

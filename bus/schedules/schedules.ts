// Schedules as users have them: added, listed, paused, resumed, deleted, fired now.
//
// 1. A change is made by compare-and-set on the record, and only when no firing is taken and not done: so after
//    a schedule was paused, deleted or replaced, no task of a firing before comes late.
// 2. The wake-up that goes round stands before a record is written: whoever dies between the record and its own
//    wake-up leaves a schedule that fires all the same.
import { isDeepStrictEqual } from "node:util";
import { isConflict, TroupeError } from "../../protocol/errors.js";
import { goOnAfter } from "../../protocol/due-firings.js";
import { newId } from "../../protocol/ids.js";
import {
  scheduleRecord,
  whenIn,
  whomIn,
  type ScheduleDefinition,
  type ScheduleRecord,
} from "../../protocol/schedule.js";
import { parseWith } from "../../protocol/schema.js";
import { keyOf } from "../buckets/bucket.js";
import type { Submitter } from "../tasks/submitter.js";
import type { TaskHandle } from "../tasks/task-handle.js";
import { anchorOf, checkName, toDefinition, type Asked } from "./definition.js";
import type { Firer, ScheduleEntry } from "./firer.js";
import { sweepMs } from "./scheduler.js";
import { toSchedule, type Schedule } from "./summary.js";
import { wakeAt, wakeOnceAt } from "./wake-ups.js";

/** A schedule, and whether asking for it changed anything. */
export type Added = Schedule & { change: "added" | "replaced" | "none" };

type Edit = (record: ScheduleRecord, now: number) => ScheduleRecord;

const mostTries = 50;
const readAtOnce = 16;

export class Schedules {
  readonly #firer: Firer;
  readonly #submitter: Submitter;
  readonly #toHandle: (taskId: string, agent: string) => TaskHandle;

  constructor(
    firer: Firer,
    submitter: Submitter,
    toHandle: (taskId: string, agent: string) => TaskHandle,
  ) {
    this.#firer = firer;
    this.#submitter = submitter;
    this.#toHandle = toHandle;
  }

  /** Use `bus.schedule`, which knows the skill's types. */
  async add(asked: Asked): Promise<Added> {
    const { name, options } = asked;
    const definition = await toDefinition(
      this.#submitter,
      this.#firer.router,
      asked,
      this.#now(),
    );
    await this.#keepSweeping();
    for (let tries = 1; ; tries++) {
      const entry = await this.#undisturbed(name);
      if (entry && isDeepStrictEqual(entry.value.definition, definition))
        return this.#settled(entry.value, "none");
      if (entry && options.replace !== true) throw exists(entry.value);
      const record = this.#record(asked, definition, entry?.value);
      if (await this.#store(entry, record))
        return this.#settled(record, entry ? "replaced" : "added");
      if (tries === mostTries) throw contended(name);
    }
  }

  /** All of them, by name. */
  async list(): Promise<Schedule[]> {
    const entries = await this.#firer.bucket.entries();
    const found: Schedule[] = [];
    for (let at = 0; at < entries.length; at += readAtOnce)
      found.push(
        ...(await Promise.all(
          entries
            .slice(at, at + readAtOnce)
            .map(({ value }) => toSchedule(this.#firer.link, value)),
        )),
      );
    return found.toSorted((one, other) => (one.name < other.name ? -1 : 1));
  }

  /** Throws SCHEDULE_UNKNOWN. */
  async show(name: string): Promise<Schedule> {
    const { value } = known(name, await this.#read(name));
    return toSchedule(this.#firer.link, value);
  }

  /** It does not fire until it is resumed; its firings meanwhile are not missed ones. Throws SCHEDULE_UNKNOWN. */
  async pause(
    name: string,
    options: { reason?: string } = {},
  ): Promise<Schedule> {
    return this.#change(name, (record, now) => {
      if (record.paused) return record;
      return { ...record, paused: { since: now, ...options } };
    });
  }

  /** It fires from its next time on. Throws SCHEDULE_UNKNOWN. */
  async resume(name: string): Promise<Schedule> {
    await this.#keepSweeping();
    return this.#change(name, (record, now) => {
      const { paused, ...rest } = record;
      return paused ? goOnAfter(rest, now) : record;
    });
  }

  /** Tasks that it has submitted stay. Throws SCHEDULE_UNKNOWN. */
  async delete(name: string): Promise<void> {
    for (let tries = 1; ; tries++) {
      const { key, revision } = known(name, await this.#undisturbed(name));
      try {
        await this.#firer.bucket.delete(key, revision);
        break;
      } catch (error) {
        if (!isConflict(error)) throw error;
        // After a reconnect it may be our own deletion that was there first.
        if (tries > 1 && !(await this.#read(name))) break;
        if (tries === mostTries) throw contended(name);
      }
    }
    await wakeAt(this.#firer, { name }, this.#now()); // the one that stands may be a year away
  }

  /** Submits a task of it now, also while it is paused; its own firings stay as they are. Throws SCHEDULE_UNKNOWN. */
  async fire(name: string): Promise<TaskHandle> {
    const { value } = known(name, await this.#read(name));
    const taskId = `${name}@${newId()}`;
    const chosen = await this.#firer.submit(value, taskId);
    const at = Math.round(this.#now());
    const last = { at, taskId, ...chosen, byHand: true };
    for (let tries = 1; tries <= mostTries; tries++) {
      const entry = await this.#read(name);
      if (!entry) break;
      if (await this.#store(entry, { ...entry.value, last })) break;
    }
    return this.#toHandle(taskId, chosen.agent ?? value.definition.agent!);
  }

  #now(): number {
    return this.#firer.link.clock.now();
  }

  #read(name: string): Promise<ScheduleEntry | undefined> {
    checkName(name);
    return this.#firer.read(name);
  }

  /** With nothing taken and not done. */
  async #undisturbed(name: string): Promise<ScheduleEntry | undefined> {
    let entry = await this.#read(name);
    while (entry && entry.value.pending.length > 0)
      entry = await this.#firer.finish(entry);
    return entry;
  }

  #keepSweeping(): Promise<void> {
    return wakeOnceAt(this.#firer, "all", this.#now() + sweepMs);
  }

  /** False where another was quicker. Throws ARGUMENT_INVALID for a record that nobody could read again. */
  async #store(
    entry: ScheduleEntry | undefined,
    record: ScheduleRecord,
  ): Promise<boolean> {
    const { bucket } = this.#firer;
    const what = `schedule "${record.name}"`;
    await parseWith(scheduleRecord, record, "ARGUMENT_INVALID", what);
    try {
      if (entry) await bucket.update(entry.key, record, entry.revision);
      else await bucket.create(keyOf(record.name), record);
      return true;
    } catch (error) {
      if (!isConflict(error)) throw error;
      return false;
    }
  }

  #record(
    { name, options }: Asked,
    definition: ScheduleDefinition,
    before: ScheduleRecord | undefined,
  ): ScheduleRecord {
    const now = this.#now();
    const paused = options.paused === true ? { since: now } : before?.paused;
    const kept = before && isSameRhythm(before.definition, definition);
    const anchor = kept ? before.anchor : anchorOf(definition, now);
    const record = {
      name,
      definition,
      anchor,
      pending: [],
      ...(paused ? { paused } : {}),
      ...(before?.last ? { last: before.last } : {}),
    };
    return kept ? { ...record, ...nextIn(before) } : goOnAfter(record, now);
  }

  async #change(name: string, edit: Edit): Promise<Schedule> {
    for (let tries = 1; ; tries++) {
      const entry = known(name, await this.#undisturbed(name));
      const record = edit(entry.value, this.#now());
      if (record === entry.value || (await this.#store(entry, record)))
        return this.#settled(record);
      if (tries === mostTries) throw contended(name);
    }
  }

  async #settled(record: ScheduleRecord): Promise<Schedule>;
  async #settled(
    record: ScheduleRecord,
    change: Added["change"],
  ): Promise<Added>;
  async #settled(
    record: ScheduleRecord,
    change?: Added["change"],
  ): Promise<Schedule | Added> {
    await this.#firer.settle(record.name);
    const schedule = await toSchedule(this.#firer.link, record);
    return change === undefined ? schedule : { ...schedule, change };
  }
}

const nextIn = ({ next }: ScheduleRecord) =>
  next === undefined ? {} : { next };

/** Then it goes on as it did, whatever else has changed. */
function isSameRhythm(
  one: ScheduleDefinition,
  other: ScheduleDefinition,
): boolean {
  return (
    isDeepStrictEqual(one.timing, other.timing) &&
    one.from === other.from &&
    one.until === other.until
  );
}

function known(name: string, entry: ScheduleEntry | undefined): ScheduleEntry {
  if (entry) return entry;
  throw new TroupeError(
    "SCHEDULE_UNKNOWN",
    `there is no schedule "${name}": see which there are with bus.schedules.list() or npx troupe schedules ls`,
  );
}

function exists({ name, definition }: ScheduleRecord): TroupeError {
  const when = whenIn(definition.timing);
  return new TroupeError(
    "SCHEDULE_EXISTS",
    `there is another schedule "${name}" (${when}, ${whomIn(definition)}): choose another name, or say that it is to be replaced (replace: true, or --replace)`,
  );
}

function contended(name: string): TroupeError {
  return new TroupeError(
    "CONFLICT",
    `schedule "${name}" was changed by others ${mostTries} times while we tried to: try again`,
  );
}

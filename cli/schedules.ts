// troupe schedules: tasks by the clock.
import { everyIn, type When } from "../protocol/firing-times.js";
import type { Missed, ScheduleOptions } from "../bus/schedules/definition.js";
import type { Schedule } from "../bus/schedules/summary.js";
import type { Bus } from "../troupe.js";
import { toNeed } from "../bus/tasks/target.js";
import { TroupeError } from "../protocol/errors.js";
import { nearest } from "../protocol/nearest.js";
import { whoWasMeant } from "./known-agents.js";
import { commandLine } from "./command-line.js";
import { exitCodes, wrongUsage, type ExitCode } from "./exit.js";
import { runForm } from "./forms.js";
import { tellResult } from "./result.js";
import { printSchedule, scheduleHead, scheduleRow } from "./schedule-text.js";
import { needOptions, targetFrom } from "./need.js";
import { nothing, withBus } from "./session.js";
import { toDuration, toJson, toLevel } from "./values.js";
import type { Call, Verb } from "./verb.js";

const forms = { ls, show, add, pause, resume, rm, fire };

export const schedules: Verb = {
  summary:
    "Submits tasks by the clock: each firing becomes exactly one task, whatever dies.",
  usage: [
    "troupe schedules ls",
    "troupe schedules show NAME",
    "troupe schedules add NAME WHEN AGENT.SKILL [JSON]   (JSON - reads standard input)",
    "troupe schedules add NAME WHEN SKILL@RANGE [JSON]   whoever has it is chosen at each firing; or --text WORDS: see troupe route --help",
    '                     WHEN: "0 3 * * *", "*/10 * * * * *", "@daily" or "every 5m", in quotes',
    "troupe schedules pause NAME [--reason TEXT]",
    "troupe schedules resume NAME",
    "troupe schedules rm NAME…",
    "troupe schedules fire NAME [--wait]",
  ],
  options: {
    ...needOptions,
    "time-zone": {
      type: "string",
      value: "ZONE",
      help: "whose clock is meant, such as Europe/Berlin (default UTC)",
    },
    missed: {
      type: "string",
      value: "HOW",
      help: "firings that nobody made: skip (default), catch-up, or so many of them",
    },
    priority: {
      type: "string",
      value: "LEVEL",
      help: "critical, high, normal or low (default normal)",
    },
    key: {
      type: "string",
      value: "KEY",
      help: "tasks with the same key go one at a time, in order",
    },
    deadline: {
      type: "string",
      value: "1m",
      help: "fail a task when it has not ended so long after its firing",
    },
    context: {
      type: "string",
      value: "ID",
      help: "of its tasks",
    },
    lane: {
      type: "string",
      value: "LANE",
      help: "which version of the agent (default main)",
    },
    from: { type: "string", value: "DATE", help: "it does not fire before" },
    until: { type: "string", value: "DATE", help: "it does not fire after" },
    paused: { type: "boolean", help: "add it, and fire when it is resumed" },
    replace: { type: "boolean", help: "another one of this name" },
    reason: {
      type: "string",
      value: "TEXT",
      help: "with pause: why, for those who ask later",
    },
    wait: {
      type: "boolean",
      help: "with fire: wait for the result and print it",
    },
    timeout: {
      type: "string",
      value: "1m",
      help: "how long --wait waits (default 1m)",
    },
  },
  example: `troupe schedules add nightly "0 3 * * *" reports.build '{"kind":"daily"}' --time-zone Europe/Berlin`,
  run: (call) => runForm("schedules", forms, call),
};

function nameOf(call: Call): string {
  const name = call.word(1, "the schedule's NAME");
  call.atMost(2);
  return name;
}

function ls(call: Call): Promise<ExitCode> {
  call.atMost(1);
  return withBus(call, async (bus) => {
    call.output.list(
      await bus.schedules.list(),
      scheduleHead,
      (schedule) => scheduleRow(schedule, call.output),
      nothing("schedules", bus),
    );
    return exitCodes.done;
  });
}

function show(call: Call): Promise<ExitCode> {
  const name = nameOf(call);
  return withSchedule(call, name, async (bus) =>
    say(call, await bus.schedules.show(name)),
  );
}

function add(call: Call): Promise<ExitCode> {
  const name = call.word(1, "the schedule's NAME");
  const when = toWhen(call.word(2, `WHEN it fires ("0 3 * * *", "every 5m")`));
  const { target, next } = targetFrom(call, 3);
  call.atMost(next + 1);
  const input = toJson(call.words[next] ?? "{}", "the input");
  const options = optionsOf(call);
  return withBus(call, async (bus) => {
    const added = await bus
      .schedule(name, when, target, input, options)
      .catch((error: unknown) => whoWasMeant(bus, toNeed(target).agent, error));
    if (added.change === "none")
      call.output.note("It was there before, just so: nothing has changed.");
    await hintAtFirers(call, bus);
    return say(call, added);
  });
}

function pause(call: Call): Promise<ExitCode> {
  const name = nameOf(call);
  const reason = call.text("reason");
  const why = reason === undefined ? {} : { reason };
  return withSchedule(call, name, async (bus) =>
    say(call, await bus.schedules.pause(name, why)),
  );
}

function resume(call: Call): Promise<ExitCode> {
  const name = nameOf(call);
  return withSchedule(call, name, async (bus) =>
    say(call, await bus.schedules.resume(name)),
  );
}

function rm(call: Call): Promise<ExitCode> {
  call.word(1, "the schedule's NAME");
  return withBus(call, async (bus) => {
    for (const name of call.words.slice(1)) {
      await bus.schedules
        .delete(name)
        .catch((error: unknown) => whichWasMeant(bus, name, error));
      call.output.result({ name, deleted: true }, () => `${name} is gone`);
    }
    return exitCodes.done;
  });
}

function fire(call: Call): Promise<ExitCode> {
  const name = nameOf(call);
  const timeout = toDuration(call.text("timeout") ?? "1m", "--timeout");
  return withBus(call, async (bus) => {
    const task = await bus.schedules
      .fire(name)
      .catch((error: unknown) => whichWasMeant(bus, name, error));
    const { id: taskId, agent } = task;
    if (!call.flag("wait")) {
      call.output.result({ taskId, agent }, () => taskId);
      return exitCodes.done;
    }
    return tellResult(call, task, () => task.result({ timeout }), {
      taskId,
      agent,
    });
  });
}

const withSchedule = (
  call: Call,
  name: string,
  work: (bus: Bus) => Promise<ExitCode>,
): Promise<ExitCode> =>
  withBus(call, (bus) =>
    work(bus).catch((error: unknown) => whichWasMeant(bus, name, error)),
  );

/** Answers never: throws which may have been meant, where there is none of this name and one of a similar. */
async function whichWasMeant(
  bus: Bus,
  name: string,
  error: unknown,
): Promise<never> {
  const isUnknown =
    error instanceof TroupeError && error.code === "SCHEDULE_UNKNOWN";
  if (!isUnknown) throw error;
  const all = await bus.schedules.list();
  const near = nearest(
    name,
    all.map((each) => each.name),
  );
  if (near === undefined) throw error;
  throw new TroupeError(
    "SCHEDULE_UNKNOWN",
    `there is no schedule "${name}": did you mean "${near}"?`,
    { cause: error },
  );
}

function say(call: Call, schedule: Schedule): ExitCode {
  if (call.output.json) call.output.object(schedule);
  else printSchedule(schedule, call.output);
  return exitCodes.done;
}

function toWhen(text: string): When {
  const every = /^every\s+(\d+(?:\.\d+)?(?:ms|s|m|h|d)?)$/.exec(text)?.[1];
  if (every !== undefined) return { every: toDuration(every, "every") };
  const meant = everyIn(text);
  if (meant !== undefined)
    throw wrongUsage(`WHEN "${text}" cannot be read: write "every ${meant}"`);
  if (/^every\b/i.test(text))
    throw wrongUsage(
      `WHEN "${text}" cannot be read: write "every 5m" (ms, s, m, h or d), or a cron expression such as "0 3 * * *"`,
    );
  return text;
}

function optionsOf(call: Call): ScheduleOptions {
  const options: ScheduleOptions = {};
  for (const name of ["key", "context", "lane"] as const) {
    const text = call.text(name);
    if (text !== undefined) options[name] = text;
  }
  for (const name of ["from", "until"] as const) {
    const text = call.text(name);
    if (text !== undefined) options[name] = toDate(text, `--${name}`);
  }
  for (const name of ["paused", "replace"] as const)
    if (call.flag(name)) options[name] = true;
  const timeZone = call.text("time-zone");
  if (timeZone !== undefined) options.timeZone = timeZone;
  const missed = call.text("missed");
  if (missed !== undefined) options.missed = toMissed(missed);
  const deadline = call.text("deadline");
  if (deadline !== undefined)
    options.deadline = toDuration(deadline, "--deadline");
  const priority = call.text("priority");
  if (priority !== undefined) options.priority = toLevel(priority);
  return options;
}

function toMissed(text: string): Missed {
  if (text === "skip") return text;
  if (text === "catch-up" || text === "catch up") return "catch up";
  if (/^\d+$/.test(text)) return { catchUp: Number(text) };
  throw wrongUsage(
    `--missed "${text}" is none: write skip, catch-up, or how many are caught up with`,
  );
}

function toDate(text: string, what: string): Date {
  const date = new Date(text);
  if (!Number.isNaN(date.getTime())) return date;
  throw wrongUsage(
    `${what} "${text}" is no date: write one such as 2030-01-31T12:00:00Z`,
  );
}

/** Whoever is new here may wonder why nothing happens. */
async function hintAtFirers(call: Call, bus: Bus): Promise<void> {
  if (call.output.json || (await bus.instances()).length > 0) return;
  call.output.note(
    `note: no process serves an agent here, and those who do are who fires (${commandLine`work FILE…`})`,
  );
}

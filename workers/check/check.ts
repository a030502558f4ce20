// Runs a handler of today against the journal of a task, without a bus and without any effect: does it still take the
// same way, to the same end?
//
// 1. Nothing beyond the journal is done: an operation that it does not have never settles.
// 2. It ends by itself. A handler that waits for an operation of which the journal has no end stands there for good,
//    once nothing more is to be settled; one that awaits something else is given a time for it.
import { setTimeout as pause } from "node:timers/promises";
import { formatMs, toMs, type Duration } from "../../protocol/duration.js";
import {
  skillUnknown,
  toTroupeError,
  type TroupeError,
} from "../../protocol/errors.js";
import type { JournalFile } from "../../protocol/journal-file.js";
import { toTaskJournal } from "../../protocol/journal-file.js";
import { parseWith } from "../../protocol/schema.js";
import type { TaskJournal } from "../../protocol/task-journal.js";
import type { Agent } from "../agent.js";
import { checkOutput, toRunner, type SkillRunner } from "../skill-runner.js";
import { nameOf } from "../steps/tape.js";
import { CheckContext, CheckHost } from "./check-host.js";
import {
  describe,
  type JournalCheck,
  type JournalDifference,
} from "./journal-check.js";
import { endDifference, expectedEnd, type End } from "./ends.js";

export interface JournalCheckOptions {
  /** How long a handler may await what is no operation of its task. Default 5s. */
  timeout?: Duration;
}

/** So long, and for so many turns of the event loop, nothing must happen. */
const quietMs = 100;
const quietTurns = 50;

/**
 * Whether the handler of today fits the journal of a task, as `bus.journal` gives it, or the file of one. Only what a
 * handler does outside of its operations is done in earnest. Throws SKILL_UNKNOWN, ARGUMENT_INVALID.
 */
export async function checkJournal(
  agent: Agent,
  journal: TaskJournal | JournalFile | string,
  { timeout = "5s" }: JournalCheckOptions = {},
): Promise<JournalCheck> {
  const recorded = toTaskJournal(journal);
  const skill = agent.skills[recorded.skill];
  if (!skill)
    throw skillUnknown(agent.name, recorded.skill, Object.keys(agent.skills));
  const runner = toRunner(agent.name, recorded.skill, skill);
  const check = new Check(
    agent.version,
    runner,
    recorded,
    toMs(timeout, "timeout"),
  );
  const difference = await check.run();
  const message = difference
    ? describe(difference, recorded)
    : `the handler of ${agent.name}.${recorded.skill} in version ${agent.version} fits the journal of task "${recorded.taskId}"`;
  return { fits: !difference, message, ...(difference ? { difference } : {}) };
}

class Check {
  readonly #runner: SkillRunner;
  readonly #journal: TaskJournal;
  readonly #timeoutMs: number;
  readonly #host: CheckHost;
  readonly #context: CheckContext;
  #end: End | undefined;

  constructor(
    version: string,
    runner: SkillRunner,
    journal: TaskJournal,
    timeoutMs: number,
  ) {
    this.#runner = runner;
    this.#journal = journal;
    this.#timeoutMs = timeoutMs;
    this.#host = new CheckHost(journal, version, runner.rules);
    this.#context = new CheckContext(this.#host, journal);
  }

  async run(): Promise<JournalDifference | undefined> {
    const input = await this.#input();
    if ("error" in input)
      return this.#difference(
        "input",
        "an input that its schema takes",
        input.error.message,
      );
    void this.#handle(input.value);
    try {
      return await this.#untilSettled();
    } finally {
      this.#host.course.close();
    }
  }

  async #input(): Promise<{ value: unknown } | { error: TroupeError }> {
    const { skill, inputName } = this.#runner;
    const { input } = this.#journal;
    try {
      return {
        value: await parseWith(skill.input, input, "INPUT_INVALID", inputName),
      };
    } catch (error) {
      return { error: toTroupeError(error) };
    }
  }

  async #handle(input: unknown): Promise<void> {
    try {
      const output = await this.#runner.skill.run(input, this.#context);
      this.#end = { output: await checkOutput(this.#runner, output) };
    } catch (thrown) {
      this.#end = { error: toTroupeError(thrown) };
    }
  }

  async #untilSettled(): Promise<JournalDifference | undefined> {
    let [turns, quietSince, progress] = [0, performance.now(), -1];
    for (;;) {
      await (turns < quietTurns ? new Promise(setImmediate) : pause(5));
      const { suspended, course } = this.#host;
      if (suspended?.why === "mismatch") return this.#misfit(suspended.error);
      if (this.#end) return this.#atEnd(this.#end);
      if (this.#context.continues) return this.#standing("continueAs");
      const now = course.tape.length + course.tape.settled;
      if (now !== progress)
        [turns, quietSince, progress] = [0, performance.now(), now];
      turns++;
      if (turns <= quietTurns) continue; // it may be the machine that is slow
      const forMs = performance.now() - quietSince;
      const last = course.tape.operations.findLast(
        ({ past }) => !past?.completion,
      );
      if (last && forMs > quietMs) return this.#standing(nameOf(last));
      if (forMs > this.#timeoutMs) return this.#stuck();
    }
  }

  #misfit({ data }: TroupeError): JournalDifference {
    const { expected, found } = data as { expected: string; found: string };
    return this.#difference("step", expected, found);
  }

  #atEnd(end: End): JournalDifference | undefined {
    const left = this.#host.course.tape.leftOver();
    if (!left)
      return endDifference(this.#journal, end, (...of) =>
        this.#difference(...of),
      );
    const how = end.error ? `: ${end.error.message}` : "";
    return this.#difference("step", left.expected, `${left.found}${how}`);
  }

  /** It waits for what the journal has no end of. */
  #standing(found: string): JournalDifference | undefined {
    const left = this.#host.course.tape.leftOver();
    if (left)
      return this.#difference("step", left.expected, `a wait for ${found}`);
    const expected = expectedEnd(this.#journal);
    if (expected === undefined) return undefined;
    return this.#difference("goes on", expected, found);
  }

  #stuck(): JournalDifference {
    const left = this.#host.course.tape.leftOver();
    const expected =
      left?.expected ?? expectedEnd(this.#journal) ?? "its next operation";
    return this.#difference(
      "stuck",
      expected,
      `a wait of ${formatMs(this.#timeoutMs)} for something else`,
    );
  }

  #difference(
    kind: JournalDifference["kind"],
    expected: string,
    found: string,
    path?: string,
  ): JournalDifference {
    const place = this.#host.course.tape.length;
    return {
      kind,
      place,
      expected,
      found,
      ...(path === undefined ? {} : { path }),
    };
  }
}

// The limits of an agent's skills in one instance: makes their gates and lets tasks and requests through them.
// An agent without limits has none of this.
import type { Link } from "../../bus/connection/connection.js";
import { recordAgentEvent } from "../../bus/history/agent-events.js";
import { LogicalClock } from "../../bus/connection/logical-clock.js";
import type { Publisher } from "../../bus/streams/publisher.js";
import type { AgentEventKind } from "../../protocol/agent-events.js";
import { hasCode, messageOf, TroupeError } from "../../protocol/errors.js";
import { defaultLevel, levels, type Level } from "../../protocol/levels.js";
import { parseWith } from "../../protocol/schema.js";
import type { SkillRunner } from "../skill-runner.js";
import type { TaskFacts } from "../task-context.js";
import { AtOncePolicy } from "./at-once.js";
import { BreakerPolicy } from "./breaker.js";
import { read, skillOf, type Entrant } from "./entrant.js";
import { Gate, type Passage, type Slots } from "./gate.js";
import { Line } from "./line.js";
import type { LimitRules } from "./options.js";
import type { Leave, Policy, PolicyHost } from "./policy.js";
import { RatePolicy } from "./rate.js";
import { SharedAtOncePolicy } from "./shared-at-once.js";
import { Untouched } from "./untouched.js";

export interface LimitsHost {
  readonly link: Link;
  readonly publisher: Publisher;
  readonly agent: string;
  readonly lane: string;
  readonly instance: string;
  readonly slots: Slots;
  /** How long a silent instance is waited for. */
  readonly ackWaitMs: number;
}

/** Longer than this a task is not kept at the gate. */
const taskPatienceMs = 2_000;
const askPatienceMs = 250;
const shortestDelayMs = 50;
const longestDelayMs = 30_000;

interface Guarded {
  runner: SkillRunner;
  rules: LimitRules;
  gate: Gate;
  policies: readonly Policy[];
  /** Those that are told which part a task belongs to by a function of its input. */
  needsInput: boolean;
  lines: readonly Line[];
}

export class Limits {
  readonly #untouched = new Untouched();
  readonly #skills: ReadonlyMap<string, Guarded>;

  /** Undefined where no skill has a limit. */
  static of(
    runners: Iterable<SkillRunner>,
    host: LimitsHost,
  ): Limits | undefined {
    const guarded = [...runners].flatMap((runner) =>
      runner.limits && hasPolicies(runner.limits)
        ? [[runner.name, guard(runner, runner.limits, host)] as const]
        : [],
    );
    return guarded.length === 0 ? undefined : new Limits(new Map(guarded));
  }

  private constructor(skills: ReadonlyMap<string, Guarded>) {
    this.#skills = skills;
  }

  async start(): Promise<void> {
    await this.#each(async (policy) => policy.start?.());
  }

  /**
   * Lets a task in, or says how long it is to stay away. `leave` or `barred` of the task tell which, where it
   * returns undefined.
   */
  async admit(task: Entrant): Promise<number | undefined> {
    const guarded = this.#skills.get(skillOf(task));
    if (!guarded || task.deadlineInMs() <= 0) return undefined;
    const parts = await partsOf(guarded, task, () => read(task).input);
    if (parts instanceof TroupeError) {
      if (parts.code !== "INPUT_INVALID") task.barred = parts;
      return undefined; // what cannot be read fails as it always does
    }
    task.isUntouched = this.#untouched.has(task);
    const passage = await knock(guarded, task, parts);
    if (passage.passed) {
      task.leave = passage.leave;
      return undefined;
    }
    if (passage.why.code === "BREAKER_OPEN" && guarded.rules.fallback) {
      task.barred = passage.why;
      return undefined;
    }
    this.#untouched.sentAway(task);
    return delayOf(guarded, task, passage.waitMs);
  }

  /** A request passes soon or not at all; undefined where its skill has no limit. */
  admitAsk(
    facts: TaskFacts,
    input: unknown,
  ): Promise<Leave | TroupeError> | undefined {
    const guarded = this.#skills.get(facts.skill);
    return guarded && this.#admitAsk(guarded, facts, input);
  }

  async #admitAsk(
    guarded: Guarded,
    facts: TaskFacts,
    input: unknown,
  ): Promise<Leave | TroupeError> {
    const parts = await partsOf(guarded, facts, () => input);
    if (parts instanceof TroupeError) return parts;
    const passage = await guarded.gate.enter({
      level: defaultLevel,
      parts,
      needsSlot: false,
      patienceMs: askPatienceMs,
    });
    return passage.passed ? passage.leave : passage.why;
  }

  /** The skills whose breaker is open. */
  shut(): string[] {
    return [...this.#skills]
      .filter(([, { policies }]) => policies.some((each) => each.isShut?.()))
      .map(([skill]) => skill);
  }

  /** A slot is free again. */
  onSlotFree(): void {
    for (const { gate } of this.#skills.values()) gate.onFree();
  }

  /** After it was closed. */
  open(): void {
    for (const { gate } of this.#skills.values()) gate.open();
  }

  /** Lets nobody in any more; who waits goes back to the others. */
  close(): void {
    for (const { gate } of this.#skills.values()) gate.close();
  }

  /** When all that passed is over. */
  async stop(): Promise<void> {
    await this.#each(async (policy) => policy.stop());
  }

  async #each(act: (policy: Policy) => Promise<void>): Promise<void> {
    const policies = [...this.#skills.values()].flatMap((one) => one.policies);
    await Promise.all(policies.map(act));
  }
}

function hasPolicies({ breaker, atOnce, rates }: LimitRules): boolean {
  return breaker !== undefined || atOnce.length + rates.length > 0;
}

function guard(
  runner: SkillRunner,
  rules: LimitRules,
  host: LimitsHost,
): Guarded {
  const { link, publisher, agent, lane, instance, ackWaitMs } = host;
  const { name: skill } = runner;
  const policyHost: PolicyHost = {
    link,
    publisher,
    clock: new LogicalClock(link.clock),
    agent,
    skill,
    lane,
    instance,
    patienceMs: ackWaitMs,
    onFree: () => gate.onFree(),
    tell: (kind, data) => tell(host, kind, data),
  };
  const policies = policiesOf(rules, policyHost);
  const gate: Gate = new Gate(policies, host.slots, capacityFor(rules));
  return {
    runner,
    rules,
    gate,
    policies,
    needsInput: [...rules.atOnce, ...rules.rates].some(({ by }) => by),
    lines: levels.map(() => new Line()),
  };
}

/** What is dear to give back comes last: first what only this instance counts, then what it shares. */
function policiesOf(rules: LimitRules, host: PolicyHost): Policy[] {
  const { atOnce, rates, breaker } = rules;
  return [
    ...atOnce
      .filter(({ shared }) => !shared)
      .map((each) => new AtOncePolicy(host, each)),
    ...atOnce.flatMap((each, place) =>
      each.shared ? [new SharedAtOncePolicy(host, each, place)] : [],
    ),
    ...rates
      .map((each, place) => ({ each, place }))
      .sort(
        (a, b) =>
          Number(b.each.by !== undefined) - Number(a.each.by !== undefined),
      )
      .map(({ each, place }) => new RatePolicy(host, each, place)),
    ...(breaker ? [new BreakerPolicy(host, breaker)] : []),
  ];
}

/** Enough to have somebody there whenever something becomes free, and no more: others may be able to do it now. */
function capacityFor({ atOnce, rates }: LimitRules): number {
  const forRates = rates.map(({ limit, perMs }) => (limit / perMs) * 500);
  const forSlots = atOnce.map(({ limit }) => limit);
  return Math.ceil(Math.min(1_024, Math.max(16, ...forRates, ...forSlots)));
}

/** TroupeError where its input cannot be read, or a function of the skill is faulty. */
async function partsOf(
  { policies, needsInput, runner }: Guarded,
  task: TaskFacts,
  readInput: () => unknown,
): Promise<readonly string[] | TroupeError> {
  if (!needsInput) return policies.map(() => "");
  try {
    const input = (await parseWith(
      runner.skill.input,
      readInput(),
      "INPUT_INVALID",
      runner.inputName,
    )) as unknown;
    return policies.map((policy) => policy.partOf(input, task));
  } catch (error) {
    if (hasCode(error, "HANDLER_FAILED")) return error;
    return new TroupeError("INPUT_INVALID", messageOf(error), { cause: error });
  }
}

/** While it waits at the gate it has no slot. */
async function knock(
  { gate }: Guarded,
  task: Entrant,
  parts: readonly string[],
): Promise<Passage> {
  const answer = gate.enter({
    level: task.level,
    parts,
    needsSlot: true,
    patienceMs: Math.min(taskPatienceMs, task.deadlineInMs()),
  });
  if (!(answer instanceof Promise)) return answer;
  task.slotless = true;
  task.recallAhead();
  const passage = await answer;
  task.slotless = !passage.passed;
  return passage;
}

/** Those of one level come back one after the other, and none after its deadline. */
function delayOf(
  { lines, policies }: Guarded,
  task: Entrant,
  waitMs: number,
): number {
  const spacingMs = Math.max(
    1,
    ...policies.map((policy) => policy.spacingMs()),
  );
  const line = lines[levels.indexOf(task.level satisfies Level)]!;
  const inLine = task.key === undefined ? line.join(waitMs, spacingMs) : waitMs;
  const delayMs = Math.max(shortestDelayMs, Math.min(longestDelayMs, inLine));
  return Math.min(delayMs, Math.max(0, task.deadlineInMs()));
}

/** An event that cannot be stored must not stop what it tells of. */
function tell(
  { link, publisher, agent, instance }: LimitsHost,
  kind: AgentEventKind,
  data: Record<string, unknown>,
): void {
  if (link.closed) return;
  recordAgentEvent(link, publisher, { agent, instance, kind, data }).catch(
    (error: unknown) =>
      link.log.warn(
        { agent, kind, error: messageOf(error) },
        "an event of an agent could not be stored",
      ),
  );
}

// Child tasks. The id of a child follows from its parent's and its place, so that it is one task however often the
// parent is run again; what came of it is written into the parent's journal.
import type { SubmitOptions } from "../../bus/tasks/submit-options.js";
import {
  namesOf,
  needOf,
  type NamedTarget,
  type Names,
  type Target,
} from "../../bus/tasks/target.js";
import { childId } from "../../protocol/derived-ids.js";
import { TroupeError } from "../../protocol/errors.js";
import type { JournalEntry } from "../../protocol/journal.js";
import { begunEntry, doneEntry, failedEntry } from "./entries.js";
import type { Parts } from "./parts.js";
import type { Child, ChildRun } from "./step-host.js";
import type { Operation } from "./tape.js";
import type { UndoTask } from "./undo-calls.js";
import type { UndoFunction } from "./undo.js";

export interface ChildOptions extends Omit<SubmitOptions, "id"> {
  /** How it is called on the journal. Default "agent.skill". */
  name?: string;
  /** Undoes it when the task fails or is canceled after it was done; not where it was only started. */
  undo?: UndoFunction;
  /**
   * Instead of `undo`: says which task undoes it, by whom and under which id, the same each time. While that is at work
   * the task that is undone needs no worker, however long it takes; one that has failed is called again as `ID~2`.
   */
  undoBy?: (output: unknown) => UndoTask;
  /** It goes on when its parent ends, instead of being canceled. */
  detached?: boolean;
  /** Do not wait for its end: what is returned is its id. It outlives its parent. */
  start?: boolean;
  /**
   * Cancels it when it is aborted, and it fails with TASK_CANCELED. Abort it by what operations gave: then a handler
   * that is run again does so, too, where the one before died over it.
   */
  signal?: AbortSignal;
}

/** A call whose answer is waited for. */
class Waiting {
  readonly child: Child;
  readonly run: ChildRun;
  /** Undefined where nobody knows. */
  readonly beganAt: number | undefined;
  /** The journal says that it has begun. */
  readonly isTold: boolean;

  constructor(
    child: Child,
    run: ChildRun,
    beganAt: number | undefined,
    isTold: boolean,
  ) {
    this.child = child;
    this.run = run;
    this.beganAt = beganAt;
    this.isTold = isTold;
  }
}

export class Calls {
  readonly run: number;
  readonly #parts: Parts;
  /** Under way, and to end with their parent. */
  readonly #attached = new Map<Operation, Child>();
  /** On their way: they cannot be canceled before they are there. */
  readonly #starting = new Map<Operation, Promise<unknown>>();
  readonly #waiting = new Map<Operation, Waiting>();
  /** Their parent ends, or begins anew. */
  #ended = false;

  constructor(parts: Parts, run: number) {
    this.#parts = parts;
    this.run = run;
  }

  /** How a call is named on the journal. */
  nameOf(target: Target, { name }: ChildOptions): string {
    if (name !== undefined) return name;
    if (needOf(target))
      return typeof target === "string" ? target : JSON.stringify(target);
    const { agent, skill } = namesOf(target as NamedTarget);
    return `${agent}.${skill}`;
  }

  /** In `undoing` nothing is begun; what was is known, so that it can be canceled. */
  begin(
    operation: Operation,
    target: Target,
    input: unknown,
    options: ChildOptions,
    undoing: boolean,
  ): void {
    if (operation.past?.completion) return;
    const known = this.#known(operation, target);
    if (known && !options.detached && !options.start)
      this.#attached.set(operation, this.#child(operation, known));
    if (!undoing) this.#run(operation, target, input, options, known);
  }

  get hasAttached(): boolean {
    return this.#attached.size > 0;
  }

  /** Nothing is begun any more. */
  end(): void {
    this.#ended = true;
  }

  /** Resolves with those that were under way. */
  async cancelAttached(): Promise<[Operation, Child][]> {
    this.end();
    const children = [...this.#attached];
    const { host } = this.#parts;
    await Promise.all(
      children.map(async ([operation, child]) => {
        await this.#starting.get(operation)?.catch(() => undefined);
        const why = `task "${host.id}", which called it, has ended`;
        await host.cancelChild(child, why);
      }),
    );
    return children;
  }

  /** Those that had completed, which nobody has heard, are written down: they are undone with what was done. */
  async recordDone(children: readonly [Operation, Child][]): Promise<void> {
    const { host, line } = this.#parts;
    await Promise.all(
      children.map(async ([operation, child]) => {
        const outcome = await host.outcomeOf(child);
        if (outcome?.state !== "completed" || !operation.claim()) return;
        const { output: value } = outcome;
        operation.live = { value };
        line.add(doneEntry(operation, host, { value, id: child.id }));
      }),
    );
  }

  stop(): void {
    for (const { run } of this.#waiting.values()) run.leave();
    this.#waiting.clear();
  }

  /** What the journal does not say yet of calls under way, for whoever goes on elsewhere, or looks. */
  untold(): JournalEntry[] {
    return [...this.#waiting].flatMap(([operation, waiting]) => {
      const { beganAt, child, isTold } = waiting;
      return isTold || beganAt === undefined
        ? []
        : begunEntry(operation, { now: () => beganAt }, namesIn(child));
    });
  }

  #known(operation: Operation, target: Target): Names | undefined {
    const { agent, skill } = operation.past?.begun ?? {};
    if (agent !== undefined && skill !== undefined) return { agent, skill };
    return needOf(target) ? undefined : namesOf(target as NamedTarget);
  }

  #child(operation: Operation, names: Names): Child {
    const { id: taskId, agent } = this.#parts.host;
    const id = childId({ agent, taskId }, this.run, operation.ordinal);
    return { ...names, id };
  }

  #run(
    operation: Operation,
    target: Target,
    input: unknown,
    { detached = false, start = false, signal, ...options }: ChildOptions,
    known: Names | undefined,
  ): void {
    const { host, line, trying } = this.#parts;
    let names = known;
    let beganAt: number | undefined;
    let isTold = operation.past?.begun !== undefined;
    const begin = async () => {
      if (signal?.aborted) {
        // An earlier attempt may have sent it all the same.
        if (names) await this.#cancel(this.#child(operation, names));
        throw notNeeded(operation);
      }
      if (!names) {
        const chosen = await host.choose(target, input);
        await line.store(begunEntry(operation, host, chosen));
        names = chosen;
        isTold = true;
      } else if (!isTold) {
        const at = (beganAt ??= host.now());
        // Canceled while nobody has it, a task with nothing on its journal ends at once, and would leave its children.
        if (line.isEmpty && !detached) {
          const since = { now: () => at };
          await line.store(begunEntry(operation, since, namesIn(names)));
          isTold = true;
        }
      }
      // Who was frozen, and is fenced off without knowing it, would start a child that nobody waits for.
      if (host.isInDoubt) await line.hold();
      if (this.#ended) throw notNeeded(operation);
      const child = this.#child(operation, names);
      if (!detached && !start) this.#attached.set(operation, child);
      const to = needOf(target)
        ? `${names.agent}.${names.skill}`
        : (target as NamedTarget);
      try {
        const starting = host.startChild(child, to, input, options);
        this.#starting.set(operation, starting);
        return { child, run: await starting };
      } catch (error) {
        this.#attached.delete(operation);
        throw error;
      } finally {
        this.#starting.delete(operation);
      }
    };
    void trying.until(operation, host.rules, begin, ({ value }) => {
      const { child, run } = value;
      if (!start) {
        const since = run.isKnown ? undefined : beganAt;
        const waiting = new Waiting(child, run, since, isTold);
        this.#wait(operation, waiting, input);
        if (signal) this.#cancelOn(signal, operation, child);
        return;
      }
      run.leave();
      operation.live = { value: child.id };
      const { id } = child;
      line.add(doneEntry(operation, host, { value: id, id, input }));
    });
  }

  /** What comes of it is written down as any other end. */
  #cancelOn(signal: AbortSignal, operation: Operation, child: Child): void {
    const cancel = () => {
      if (this.#waiting.has(operation)) void this.#cancel(child);
    };
    if (signal.aborted) cancel();
    else signal.addEventListener("abort", cancel, { once: true });
  }

  #cancel(child: Child): Promise<void> {
    const { host } = this.#parts;
    const why = `task "${host.id}", which called it, needs it no more`;
    return host.cancelChild(child, why);
  }

  #wait(operation: Operation, waiting: Waiting, input: unknown): void {
    const { host, line, waits } = this.#parts;
    const { child, run, beganAt } = waiting;
    const { id, agent, skill } = child;
    if (line.closed) return run.leave();
    this.#waiting.set(operation, waiting);
    waits.add(operation, {
      until: undefined,
      what: `task "${id}" of ${agent}.${skill}`,
      due: () => undefined,
      hasHappened: async () => (await host.outcomeOf(child)) !== undefined,
    });
    run.ended((outcome) => {
      this.#waiting.delete(operation);
      this.#attached.delete(operation);
      const isWaitedFor = waits.remove(operation);
      // One that has completed while its parent begins to undo is to be undone as well.
      if (!isWaitedFor && outcome.state !== "completed") return;
      if (!operation.claim()) return;
      const tookMs = Math.round(host.now() - (beganAt ?? host.now()));
      const said = { id, input, ...(tookMs > 0 ? { tookMs } : {}) };
      if (outcome.state === "completed") {
        const value = outcome.output;
        operation.live = { value };
        line.add(doneEntry(operation, host, { value, ...said }));
      } else line.add(failedEntry(operation, host, outcome.error, said));
    });
  }
}

const namesIn = ({ agent, skill }: Names): Names => ({ agent, skill });

function notNeeded({ name }: Operation): TroupeError {
  return new TroupeError(
    "TASK_CANCELED",
    `call "${name}" was canceled before it began`,
  );
}

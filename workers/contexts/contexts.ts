// Handling the messages of a stateful agent: open the context's record, run its machine for one step, replace the
// record, send what the step caused, end the task, acknowledge. The first four are here, the rest is the execution's
// (workers/execution.ts), as for any other task.
//
// Each message changes its context once, however often it is delivered and to whomever:
//
// 1. One compare-and-set replaces the record: state, the name of the message, its result and its effects together.
//    Of two who handle the same message, or two messages of one context, one is refused and reads again.
// 2. A message whose name the record bears is not handled again: its result is taken from there.
// 3. Who handles a message that the record does not name knows that it was never applied. Its queue hands out one
//    message of a context at a time, and the next when that one is acknowledged, which is after its end is on the
//    log. So if the record names a later message of the lane, the end is there to be found; it is looked for unless
//    the message stands behind the one that the record names. Somebody else's write in between is refused by 1.
// 4. A message that ends without changing the state (buried, canceled, rejected when it came again) is named in
//    the record before it is acknowledged, so that a worker that was frozen over it cannot apply it later. Where its
//    context is to stand still for that, and another end was first, that is taken back before it is acknowledged.
// 5. R3: it is acknowledged when its effects are on the bus. They stand in the record until then; a redelivery sends
//    them again, and each is known by its id.
//
// The interleavings, one by one: docs/decisions/0021-stateful-agents.md.
import type { ActorDefinition } from "../../actors/durable/actor-definition.js";
import { followCallEnds } from "../../actors/durable/call-ends.js";
import { placeCalls } from "../../actors/durable/call-places.js";
import {
  ContextStore,
  type Opened,
} from "../../actors/durable/context-store.js";
import {
  Outbox,
  type ContextPlace,
  type OutboxHost,
} from "../../actors/durable/outbox.js";
import {
  stateOf,
  type ActorRecord,
  type Handled,
} from "../../actors/durable/record.js";
import { OwnActions } from "../../actors/durable/own-actions.js";
import { step, type Step } from "../../actors/durable/step.js";
import { endOf } from "../../bus/history/history.js";
import { InputCheck } from "../../bus/tasks/input-check.js";
import type { Registry } from "../../bus/registry/registry.js";
import type { Router } from "../../bus/routing/router.js";
import { Records } from "../../bus/buckets/records.js";
import { isConflict, type TroupeError } from "../../protocol/errors.js";
import { defaultLane } from "../../protocol/subjects.js";
import { typeOfState, type EndState } from "../../protocol/task.js";
import { actionsAgain } from "./context-again.js";
import { ContextMessages, type ContextTask } from "./context-messages.js";
import { nameInRecord, takeBackStop, type Ending } from "./context-naming.js";
import { contextOf, mayBeBehind, misplaced } from "./context-place.js";
import { afterStep, goneOn } from "./context-record.js";
import {
  failedBefore,
  finished,
  isOfTheBus,
  standsStill,
  stillStopped,
  toTroupeError,
} from "./context-refusals.js";
import { PartitionEras } from "./partition-eras.js";

/** What came of a message: what its task returns, why it failed, or that it had ended already. */
export type Handling = { output: unknown } | { error: TroupeError } | "ended";

/** Room for what a message needs beside its record: headers, and the envelope of the largest effect. */
const envelopeBytes = 8_192;
const maxTries = 20;

export class Contexts {
  readonly #definition: ActorDefinition;
  readonly #host: OutboxHost;
  readonly #router: Router;
  readonly #records: Records;
  readonly #store: ContextStore;
  readonly #outbox: Outbox;
  readonly #messages: ContextMessages;
  readonly #actions: OwnActions;
  readonly #eras = new PartitionEras();
  /** Whose calls it hears the ends of: its own, and those of the lane of which it may be given a part. */
  readonly #lanes: ReadonlySet<string>;
  #ends: { stop(): Promise<void> }[] = [];

  constructor(
    definition: ActorDefinition,
    host: Omit<OutboxHost, "inputCheck"> & {
      registry: Registry;
      router: Router;
      lane: string;
    },
  ) {
    this.#router = host.router;
    const { link, publisher, agent, lane, registry } = host;
    this.#definition = definition;
    this.#lanes = new Set([defaultLane, lane]);
    this.#host = { ...host, inputCheck: new InputCheck(link, registry) };
    this.#records = new Records(link, publisher);
    this.#store = new ContextStore(
      agent,
      this.#records,
      () => link.maxPayload - envelopeBytes,
      definition,
    );
    this.#outbox = new Outbox(this.#host);
    this.#messages = new ContextMessages(link);
    this.#actions = new OwnActions(agent, link.log);
    link.onReconnect(() => this.#eras.forget());
  }

  /** How many actions of machines have failed. */
  get actionsFailed(): number {
    return this.#actions.failures;
  }

  /** How many contexts are kept in memory. */
  get awake(): number {
    return this.#store.awake;
  }

  async start(): Promise<void> {
    const ageOut = Number.isFinite(this.#definition.keepFinishedMs);
    await this.#records.open(this.#host.queues.replicas, { ageOut });
    if (!this.#definition.callsSkills) return;
    for (const lane of this.#lanes)
      this.#ends.push(await followCallEnds(this.#host, this.#store, lane));
  }

  async stop(): Promise<void> {
    await Promise.all(this.#ends.map((ends) => ends.stop()));
    this.#store.stop();
  }

  /** Throws only when the bus cannot be read or written: then the message goes back. */
  async handle(task: ContextTask, input: unknown): Promise<Handling> {
    const context = contextOf(task);
    if (context === undefined) return { error: misplaced(task) };
    try {
      return await this.#handle(task, context, input);
    } catch (error) {
      if (isOfTheBus(error)) throw error;
      return { error: toTroupeError(error) };
    }
  }

  /** A message that came again: what it returned, if it was handled before. */
  async recall(task: ContextTask): Promise<Handling | undefined> {
    const context = contextOf(task);
    if (context === undefined) return undefined;
    const record = await this.#read(context);
    const handled = record?.handled[task.lane];
    if (handled?.task !== task.id) return undefined;
    return this.#resume(task, handled);
  }

  /** Its end is on the log; what it caused may not be on the bus yet. */
  async finish(task: ContextTask): Promise<void> {
    const context = contextOf(task);
    if (context === undefined) return;
    const record = await this.#read(context);
    const handled = record?.handled[task.lane];
    if (handled?.task === task.id)
      await this.#outbox.send(this.#placeOf(task), task.id, handled.effects);
    else await this.#name(task, undefined);
  }

  /** Before it ends without having changed the state. */
  async ending(
    task: ContextTask,
    state: EndState,
    error: TroupeError,
  ): Promise<void> {
    if (contextOf(task) === undefined) return;
    const first = task.past.attempt === 1 && task.delivery.count === 1;
    if (state !== "failed" && first) return;
    await this.#name(task, { state, error });
  }

  /** Another end was first. Undefined where that changes nothing. */
  late(task: ContextTask): Promise<void> | undefined {
    const stops = this.#definition.onDeadLetter === "stop";
    if (!stops || contextOf(task) === undefined) return undefined;
    return this.#goOnUnlessFailed(task);
  }

  /** Until what it caused is on the bus; nothing to wait for in most cases. Throws when it could not be sent. */
  sent(taskId: string): Promise<void> | undefined {
    return this.#outbox.sent(taskId);
  }

  async #handle(
    task: ContextTask,
    context: string,
    input: unknown,
  ): Promise<Handling> {
    let era = this.#eras.of(task.delivery);
    const oldest =
      this.#host.link.clock.now() - this.#definition.keepFinishedMs;
    for (let tries = 1; ; tries++) {
      const opened = await this.#store.open(context, era);
      const handled = opened.record?.handled[task.lane];
      if (handled?.task === task.id) return this.#resume(task, handled);
      if (mayBeBehind(task, handled, oldest) && (await this.#hasEnded(task)))
        return "ended";
      try {
        return await this.#advance(task, context, input, opened, era);
      } catch (error) {
        if (!isConflict(error) || tries === maxTries) throw error;
        era = this.#eras.renew(task.delivery);
      }
    }
  }

  async #advance(
    task: ContextTask,
    context: string,
    input: unknown,
    { record, revision }: Opened,
    era: number,
  ): Promise<Handling> {
    const { agent, link } = this.#host;
    const stopped = stillStopped(record, task);
    if (stopped) throw standsStill(agent, context, stopped);
    const message = await this.#messages.read(task, input);
    if (message === "resume") return this.#goOn(task, record, revision, era);
    const before = record && stateOf(this.#definition, record);
    if (!before && message.kind !== "event") return ignored;
    if (before?.snapshot.status === "done") {
      if (message.kind !== "event") return ignored;
      throw finished(agent, context, message.event.type);
    }
    const cause = { context, task: task.id, now: link.clock.now() };
    let taken: Step;
    try {
      taken = step(this.#definition, before, message, cause);
    } catch (error) {
      return { error: error as TroupeError };
    }
    const placing = placeCalls(this.#router, { agent, context }, taken);
    if (placing) await placing;
    const { effects, actions, result, changed } = taken;
    if (!changed && !record?.stopped) return { output: result };
    const { version } = this.#definition;
    const next = afterStep(version, task, record, before, taken);
    await this.#store.commit(next, revision, era);
    this.#outbox.begin(this.#placeOf(task), task.id, effects);
    this.#actions.run(context, actions);
    return { output: result };
  }

  /** It was handled before: its effects are sent again, its actions run again, and the result is what it was. */
  async #resume(task: ContextTask, handled: Handled): Promise<Handling> {
    const { failure, result, effects } = handled;
    if (failure) return { error: failedBefore(failure) };
    this.#outbox.begin(this.#placeOf(task), task.id, effects);
    const again = actionsAgain(
      this.#definition,
      this.#host.link,
      this.#messages,
      task,
      handled,
    );
    this.#actions.run(task.context!, await again);
    return { output: result };
  }

  /** A person says that it need not stand still any more. */
  async #goOn(
    task: ContextTask,
    record: ActorRecord | undefined,
    revision: number,
    era: number,
  ): Promise<Handling> {
    if (!record?.stopped) return { output: { resumed: false } };
    const result = { resumed: true };
    await this.#store.commit(goneOn(record, task, result), revision, era);
    return { output: result };
  }

  /** What cannot be read names no message; handling one says so. */
  async #read(context: string): Promise<ActorRecord | undefined> {
    try {
      return (await this.#store.read(context)).record;
    } catch (error) {
      if (isOfTheBus(error)) throw error;
      return undefined;
    }
  }

  async #name(task: ContextTask, ending: Ending): Promise<void> {
    const { log } = this.#host.link;
    try {
      await nameInRecord(this.#definition, this.#store, log, task, ending);
    } catch (error) {
      if (isOfTheBus(error)) throw error;
    }
  }

  async #goOnUnlessFailed(task: ContextTask): Promise<void> {
    const { link, agent } = this.#host;
    const record = await this.#read(task.context!);
    if (record?.stopped?.task !== task.id) return;
    const end = await endOf(link, task.id, agent);
    if (end && end.headers.type !== typeOfState("failed"))
      await takeBackStop(this.#store, task);
  }

  #placeOf({ lane, context }: ContextTask): ContextPlace {
    return { agent: this.#host.agent, lane, context: context! };
  }

  async #hasEnded({ id }: ContextTask): Promise<boolean> {
    const { link, agent } = this.#host;
    return (await endOf(link, id, agent)) !== undefined;
  }
}

const ignored: Handling = { output: { ignored: true } };

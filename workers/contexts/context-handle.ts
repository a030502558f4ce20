// One context of a stateful agent, as whoever knows its name holds it: sends events, sees the snapshot, follows what
// its machine emits.
import { recordKey } from "../../actors/durable/context-store.js";
import type { AnyStateMachine } from "../../actors/durable/machine-types.js";
import { hostSkills, ownMessage } from "../../actors/durable/outbox.js";
import { decodeRecord } from "../../actors/durable/record.js";
import type { Link } from "../../bus/connection/connection.js";
import { emittedEvents, type EmittedEvent } from "../../bus/history/emitted.js";
import type { Publisher } from "../../bus/streams/publisher.js";
import { Records } from "../../bus/buckets/records.js";
import { subjectFor } from "../../bus/tasks/drafting.js";
import type {
  CallOptions,
  SubmitOptions,
} from "../../bus/tasks/submit-options.js";
import type { Sender } from "../../bus/tasks/sender.js";
import type { SkillTarget } from "../../bus/tasks/target.js";
import type { TaskHandle } from "../../bus/tasks/task-handle.js";
import { TroupeError } from "../../protocol/errors.js";
import { encodeHeaders } from "../../protocol/headers.js";
import { newId } from "../../protocol/ids.js";
import { defaultLane } from "../../protocol/subjects.js";
import { taskBody, taskHeaders } from "../../protocol/task-message.js";
import { contextToken } from "../../protocol/tokens.js";
import type { StatefulAgent } from "../agent.js";
import type { AnySkill } from "../skill.js";
import type {
  EmittedOf,
  EventSchemas,
  MachineContextOf,
  MachineEventOf,
  OutputOfMachine,
  ResultOf,
  StateOf,
} from "./stateful.js";

interface ContextHost {
  link: Link;
  publisher: Publisher;
  sender: Sender;
}

type Own = "context" | "key";

/** A context as its record says. */
export interface ContextSnapshot<Machine extends AnyStateMachine> {
  status: "active" | "done";
  /** The state value of its machine. */
  state: StateOf<Machine>;
  /** What its machine keeps. */
  context: MachineContextOf<Machine>;
  output?: OutputOfMachine<Machine>;
  /** Of the machine that wrote it. */
  version: string;
  /** What will come by itself, and when. */
  timers: { event: { type: string }; dueAt: Date }[];
  /** It stands still, and why. */
  stopped?: { task: string; message: string };
}

export class Context<
  Machine extends AnyStateMachine,
  Events extends EventSchemas = EventSchemas,
> {
  readonly id: string;
  readonly agent: string;
  readonly #skills: Readonly<Record<string, AnySkill>>;
  readonly #host: ContextHost;
  readonly #records: Records;

  /** Throws ARGUMENT_INVALID for an id that no subject can carry. */
  constructor(
    host: ContextHost,
    definition: StatefulAgent<Machine, Events>,
    id: string,
  ) {
    contextToken(id);
    this.id = id;
    this.agent = definition.name;
    this.#skills = definition.skills as Readonly<Record<string, AnySkill>>;
    this.#host = host;
    this.#records = new Records(host.link, host.publisher);
  }

  /** Resolves when the server has stored the event: from then on it changes the context exactly once. */
  send(
    event: MachineEventOf<Machine, Events>,
    options: Omit<SubmitOptions, Own> = {},
  ): Promise<TaskHandle<ResultOf<Machine>>> {
    const { skill, input } = this.#toSkill(event);
    return this.#host.sender.submit(skill, input, {
      ...options,
      context: this.id,
    });
  }

  /** The same, and wait for what became of it. Throws what the event failed with, or WAIT_TIMED_OUT. */
  call(
    event: MachineEventOf<Machine, Events>,
    options: Omit<CallOptions, Own> = {},
  ): Promise<ResultOf<Machine>> {
    const { skill, input } = this.#toSkill(event);
    return this.#host.sender.call(skill, input, {
      ...options,
      context: this.id,
    }) as Promise<ResultOf<Machine>>;
  }

  /** As it is stored now; undefined when no event has come yet. */
  async snapshot(): Promise<ContextSnapshot<Machine> | undefined> {
    const key = recordKey(this.agent, contextToken(this.id));
    const { body } = await this.#records.read(key);
    const name = `"${this.id}" of agent "${this.agent}"`;
    const record = body && decodeRecord(body, name);
    if (!record?.state) return undefined;
    const { snapshot, timers } = record.state;
    const { value, context, output } = snapshot as unknown as {
      value: StateOf<Machine>;
      context: MachineContextOf<Machine>;
      output?: OutputOfMachine<Machine>;
    };
    return {
      status: snapshot.status === "done" ? "done" : "active",
      state: value,
      context,
      ...(output === undefined ? {} : { output }),
      version: record.version,
      timers: timers.map(({ event, dueAt }) => ({
        event,
        dueAt: new Date(dueAt),
      })),
      ...(record.stopped ? { stopped: record.stopped } : {}),
    };
  }

  /** What its machine emitted, oldest first, each once; with `follow`, and what it emits from now on. */
  emitted(
    filter: { type?: string; follow?: boolean } = {},
  ): AsyncGenerator<EmittedEvent<EmittedOf<Machine>>, void, undefined> {
    const where = { agent: this.agent, context: this.id };
    return emittedEvents(this.#host.link, { ...filter, ...where }) as never;
  }

  /** After an event that nobody could handle has stopped it: goes on without that event. */
  async resume(
    options: { lane?: string } = {},
  ): Promise<TaskHandle<{ resumed: boolean }>> {
    const { link, publisher } = this.#host;
    const lane = options.lane ?? defaultLane;
    const place = { agent: this.agent, lane, context: this.id };
    const spec = ownMessage(place, newId(), hostSkills.resume, {});
    await publisher.store(
      subjectFor(link, spec),
      encodeHeaders(taskHeaders(spec)),
      taskBody(spec),
    );
    return this.#host.sender.task(spec.taskId, { agent: this.agent });
  }

  #toSkill({ type, ...input }: { type: string }): {
    skill: SkillTarget;
    input: unknown;
  } {
    const skills = this.#skills;
    const skill = Object.hasOwn(skills, type) ? skills[type] : undefined;
    if (skill) return { skill: skill as unknown as SkillTarget, input };
    throw new TroupeError(
      "SKILL_UNKNOWN",
      `agent "${this.agent}" takes no event "${type}": it takes "${Object.keys(skills).join('", "')}"`,
    );
  }
}

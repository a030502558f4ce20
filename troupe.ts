// The bus as users hold it: the one face of what bus/, workers/ and orchestrator/ do. A method says what is promised, and
// hands on to who does it.
import type { AnyStateMachine } from "./actors/durable/machine-types.js";
import type { Link } from "./bus/connection/connection.js";
import type { Backlog } from "./bus/delivery/backlog.js";
import { followProgress, type ProgressFilter } from "./bus/history/live.js";
import {
  replay,
  type AgentReplayFilter,
  type ReplayFilter,
} from "./bus/history/replay.js";
import { forkTask, type ForkOptions } from "./bus/journal/fork.js";
import { sendSignal, type SignalOptions } from "./bus/journal/signals.js";
import { readTaskJournal } from "./bus/journal/task-journal.js";
import { Lanes } from "./bus/lanes/lanes.js";
import { BusParts } from "./bus/parts.js";
import { Plans } from "./bus/plans/plans.js";
import {
  drainAgent,
  pauseAgent,
  resumeAgent,
  type DrainOptions,
  type OrderOptions,
  type PauseOptions,
} from "./bus/registry/agent-control.js";
import { agentOrders, type AgentOrders } from "./bus/registry/agent-orders.js";
import type { AgentChange } from "./bus/registry/directory.js";
import type { Discovered, DiscoverFilter } from "./bus/registry/discovery.js";
import type { RouteOptions } from "./bus/routing/router.js";
import type { Scorer } from "./bus/routing/scorer.js";
import type { ScheduleOptions } from "./bus/schedules/definition.js";
import { Firer } from "./bus/schedules/firer.js";
import { Schedules, type Added } from "./bus/schedules/schedules.js";
import type { EmbeddedServer } from "./bus/server/embedded.js";
import type { StreamLimits } from "./bus/streams/streams.js";
import {
  deadLetters,
  type DeadLetter,
  type DeadLetterFilter,
} from "./bus/tasks/dead-letters.js";
import type { AskOptions } from "./bus/tasks/sender.js";
import { stuckTasks, type StuckTask } from "./bus/tasks/stuck.js";
import type { CallOptions, SubmitOptions } from "./bus/tasks/submit-options.js";
import {
  toNeed,
  type InputOf,
  type OutputOf,
  type Target,
} from "./bus/tasks/target.js";
import type { TaskHandle } from "./bus/tasks/task-handle.js";
import {
  findTask,
  listTasks,
  type TaskFilter,
  type TaskSummary,
} from "./bus/tasks/task-list.js";
import type { Orchestrator } from "./orchestrator/orchestrator.js";
import { Queries } from "./orchestrator/queries/query.js";
import type { AgentEvent } from "./protocol/agent-events.js";
import type { AgentCard, InstanceCard } from "./protocol/card.js";
import type { When } from "./protocol/firing-times.js";
import type { Need } from "./protocol/need.js";
import type { Route } from "./protocol/route.js";
import { defaultLane } from "./protocol/subjects.js";
import type { TaskJournal } from "./protocol/task-journal.js";
import type { TaskEvent } from "./protocol/task.js";
import { Serving, type OrchestrateOptions } from "./serving.js";
import type { Agent, StatefulAgent } from "./workers/agent.js";
import { Context } from "./workers/contexts/context-handle.js";
import type { EventSchemas } from "./workers/contexts/stateful.js";
import type { ServeOptions } from "./workers/serve-options.js";
import type { AnySkill } from "./workers/skill.js";
import type { Worker } from "./workers/worker.js";

export class Bus implements AsyncDisposable {
  readonly url: string;
  readonly namespace: string;
  /** Versions of an agent side by side: which share of the tasks each gets, and how it fares. */
  readonly lanes: Lanes;
  /** What `schedule` has added: listed, paused, resumed, deleted, fired now. */
  readonly schedules: Schedules;
  /** Work as data: plans are checked, run, and kept by name and version. */
  readonly plans: Plans;
  /** Asks the orchestrator about tasks, agents, contexts and dead letters. */
  readonly query: Queries;
  readonly #parts: BusParts;
  readonly #serving: Serving;
  readonly #server: EmbeddedServer | undefined;
  #closing: Promise<void> | undefined;

  constructor(
    link: Link,
    server: EmbeddedServer | undefined,
    limits: StreamLimits = {},
    scorer?: Scorer,
  ) {
    const parts = new BusParts(link, limits, scorer);
    const { publisher, registry, settings, submitter, sender, router } = parts;
    const firer = new Firer(link, publisher, submitter, router);
    this.url = link.url;
    this.namespace = link.subjects.namespace;
    this.lanes = new Lanes(link, publisher, settings, registry);
    this.schedules = new Schedules(firer, submitter, (taskId, agent) =>
      sender.task(taskId, { agent }),
    );
    this.plans = new Plans({
      link,
      publisher,
      registry,
      submit: (...args) => sender.submit(...args),
    });
    this.query = new Queries((...args) => sender.ask(...args));
    this.#parts = parts;
    this.#serving = new Serving(parts, firer);
    this.#server = server;
  }

  // Serve

  /** Runs an instance of an agent in this process. Resolves when it takes tasks. */
  serve<Skills extends Record<string, AnySkill>>(
    agent: Agent<Skills>,
    options: ServeOptions = {},
  ): Promise<Worker> {
    return this.#serving.serve(agent, options);
  }

  /**
   * Runs an orchestrator in this process: it answers `bus.query`, and one of all that run leads what only one
   * may do. Resolves when it answers.
   */
  orchestrate(options: OrchestrateOptions = {}): Promise<Orchestrator> {
    return this.#serving.orchestrate(options);
  }

  // Have something done

  /**
   * A durable task. Resolves when the server has stored it: from then on it ends exactly once.
   * Throws INPUT_INVALID with the path of the field, AGENT_UNKNOWN, SKILL_UNKNOWN, PAYLOAD_TOO_LARGE, STREAM_FULL;
   * for a need that nobody meets NO_CANDIDATE.
   */
  submit<To extends Target>(
    target: To,
    input: InputOf<To>,
    options: SubmitOptions = {},
  ): Promise<TaskHandle<OutputOf<To>>> {
    return this.#parts.sender.submit(target, input, options);
  }

  /** A durable task, and wait for its output. Throws what the task failed with, or WAIT_TIMED_OUT; the task itself goes on. */
  call<To extends Target>(
    target: To,
    input: InputOf<To>,
    options: CallOptions = {},
  ): Promise<OutputOf<To>> {
    const output = this.#parts.sender.call(target, input, options);
    return output as Promise<OutputOf<To>>;
  }

  /**
   * Submits a task again and again, by a cron expression or every so often: exactly one a firing, whatever dies,
   * as long as any process serves any agent. The task's id follows from the name and the time, such as
   * "nightly@2030-01-31T03:00:00Z". The same schedule again changes nothing; another of the same name is refused
   * with SCHEDULE_EXISTS, or replaces it where that is asked for. Where a need is given, who does it is chosen at each
   * firing. Throws ARGUMENT_INVALID, also for what never fires, and what `submit` throws.
   */
  schedule<To extends Target>(
    name: string,
    when: When,
    target: To,
    input: InputOf<To>,
    options: ScheduleOptions = {},
  ): Promise<Added> {
    return this.schedules.add({ name, when, target, input, options });
  }

  /** Request-reply, not stored. Throws NO_RESPONDERS when no instance is there. */
  ask<To extends Target>(
    target: To,
    input: InputOf<To>,
    options: AskOptions = {},
  ): Promise<OutputOf<To>> {
    const output = this.#parts.sender.ask(target, input, options);
    return output as Promise<OutputOf<To>>;
  }

  /** One context of a stateful agent: its actor, which need not be awake, nor have been. */
  context<Machine extends AnyStateMachine, Events extends EventSchemas>(
    agent: StatefulAgent<Machine, Events>,
    id: string,
  ): Context<Machine, Events> {
    return new Context(this.#parts, agent, id);
  }

  // Tasks

  /** A task by its id, whoever submitted it. */
  task(id: string): TaskHandle {
    return this.#parts.sender.task(id);
  }

  /** What has not ended, next first; then what has, newest first. At most `limit` of each. */
  tasks(filter: TaskFilter = {}): Promise<TaskSummary[]> {
    return listTasks(this.#parts.link, filter);
  }

  /** One task, waiting or ended; undefined when it was never submitted or has aged out. */
  find(id: string): Promise<TaskSummary | undefined> {
    return findTask(this.#parts.link, id);
  }

  /** How much waits in a lane of an agent, and for how long. Throws AGENT_UNKNOWN for one that was never served. */
  backlog(agent: string, lane = defaultLane): Promise<Backlog> {
    return this.lanes.backlog(agent, lane);
  }

  /** Progress of tasks as it is sent, until the reader stops; it is not stored. */
  progress(
    filter: ProgressFilter = {},
  ): AsyncGenerator<TaskEvent, void, undefined> {
    return followProgress(this.#parts.link, filter);
  }

  /** Tasks that nothing will wake any more, for somebody has removed their messages. */
  stuckTasks(agent?: string): Promise<StuckTask[]> {
    return stuckTasks(this.#parts.link, agent);
  }

  /** Tasks that nobody could finish, oldest first. */
  deadLetters(
    filter: DeadLetterFilter = {},
  ): AsyncGenerator<DeadLetter, void, undefined> {
    const { link, publisher } = this.#parts;
    return deadLetters(link, publisher, filter);
  }

  // Journals

  /**
   * Sends a value to a task that waits for it, or will: `await task.waitFor(name)`. Sent twice with one id it counts
   * once: false says that it had been sent. Throws TASK_UNKNOWN, TASK_ENDED.
   */
  signal(
    taskId: string,
    name: string,
    value?: unknown,
    options: SignalOptions = {},
  ): Promise<boolean> {
    const signal = { name, value };
    const { link, publisher } = this.#parts;
    return sendSignal(link, publisher, taskId, signal, options);
  }

  /**
   * What the handler of a task has done durably, under way or ended, and the signals that were sent to it. Without
   * entries for one that has done nothing. Throws TASK_UNKNOWN.
   */
  journal(
    taskId: string,
    { agent }: { agent?: string } = {},
  ): Promise<TaskJournal> {
    return readTaskJournal(this.#parts.link, taskId, agent);
  }

  /**
   * A new task that begins where another was: its journal has what that had done before one of its operations, and from
   * there on it goes its own way, by today's handler. What it has from the other it neither does again nor undoes.
   * Throws TASK_UNKNOWN, ARGUMENT_INVALID, and what `submit` throws.
   */
  async fork(taskId: string, options: ForkOptions): Promise<TaskHandle> {
    const fork = await forkTask(this.#parts, taskId, options);
    const { agent, duplicate } = fork;
    const own = !duplicate;
    return this.#parts.sender.task(fork.taskId, { agent, duplicate, own });
  }

  // History

  /** What happened, oldest first: to tasks; or to agents and their instances, with the kind "agent"; or "all". */
  replay(filter?: ReplayFilter): AsyncGenerator<TaskEvent, void, undefined>;
  replay(
    filter: AgentReplayFilter & { kind: "agent" },
  ): AsyncGenerator<AgentEvent, void, undefined>;
  replay(
    filter: ReplayFilter | AgentReplayFilter,
  ): AsyncGenerator<TaskEvent | AgentEvent, void, undefined>;
  replay(
    filter: ReplayFilter | AgentReplayFilter = {},
  ): AsyncGenerator<TaskEvent | AgentEvent, void, undefined> {
    return replay(this.#parts.link, filter);
  }

  // Agents

  /** The cards of all agents that were ever served here, one for each lane. */
  agents(): Promise<AgentCard[]> {
    return this.#parts.registry.agents();
  }

  /** The instances that live now. */
  instances(agent?: string): Promise<InstanceCard[]> {
    return this.#parts.registry.instances(agent);
  }

  /** Agents and instances that are there, then those that come, change, leave or die, until the reader stops. */
  watchAgents(
    filter: { agent?: string } = {},
  ): AsyncGenerator<AgentChange, void, undefined> {
    return this.#parts.router.watch(filter);
  }

  /** Who would get a task with this need, and why; nothing is submitted. Throws NO_CANDIDATE with the nearest. */
  route(need: string | Need, options: RouteOptions = {}): Promise<Route> {
    return this.#parts.router.route(toNeed(need), { ...options, peek: true });
  }

  /** Agents that fit, by name or, where there is a text, the best fit first. */
  discover(filter: DiscoverFilter = {}): Promise<Discovered[]> {
    return this.#parts.router.discover(filter);
  }

  /**
   * No instance of the agent takes tasks any more, in whatever process, nor any that starts later, until it is
   * resumed; nothing is lost, and tasks in hand finish. Resolves, with the living instances, when all of them
   * have obeyed. Throws WAIT_TIMED_OUT when one has not; the order stands.
   */
  pauseAgent(agent: string, options?: PauseOptions): Promise<InstanceCard[]> {
    return pauseAgent(this.#parts, agent, options);
  }

  /** Resolves, with the living instances, when all of them take tasks again. Throws WAIT_TIMED_OUT, STATE_REFUSED. */
  resumeAgent(agent: string, options?: OrderOptions): Promise<InstanceCard[]> {
    return resumeAgent(this.#parts, agent, options);
  }

  /**
   * The agent's instances that live now, or one of them, finish what they have in hand and stop. Resolves with
   * them when they are gone. Whoever runs their processes may start them again. Throws WAIT_TIMED_OUT.
   */
  drainAgent(agent: string, options?: DrainOptions): Promise<InstanceCard[]> {
    return drainAgent(this.#parts, agent, options);
  }

  /** What agents are ordered, by their names; one that is not there has no orders. */
  agentOrders(): Promise<Map<string, AgentOrders>> {
    return this.#parts.settings.all(agentOrders);
  }

  /** Takes the card of an agent that is served no more from the registry; tasks that wait for it stay. Throws AGENT_UNKNOWN, and CONFLICT while an instance lives. */
  forgetAgent(agent: string, lane = defaultLane): Promise<AgentCard> {
    return this.#parts.registry.forget(agent, lane);
  }

  /**
   * Drains its workers, closes the connection and, if it started one, ends the embedded server. Whatever else is under
   * way ends with CONNECTION_CLOSED.
   */
  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    try {
      await this.#serving.stop();
    } finally {
      await this.#parts.link.close();
      await this.#server?.stop();
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

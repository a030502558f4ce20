// The bus as users hold it: it joins what bus/ and workers/ do behind the few names of the public interface.
import {
  drainAgent,
  pauseAgent,
  resumeAgent,
  type DrainOptions,
  type OrderOptions,
  type PauseOptions,
} from "./bus/registry/agent-control.js";
import { agentOrders, type AgentOrders } from "./bus/registry/agent-orders.js";
import { Asks } from "./bus/asks/asks.js";
import type { Relay } from "./bus/delivery/relay.js";
import type { Backlog } from "./bus/delivery/backlog.js";
import type { Link } from "./bus/connection/connection.js";
import { LaneChoice } from "./bus/lanes/choice.js";
import { Lanes } from "./bus/lanes/lanes.js";
import { stuckTasks, type StuckTask } from "./bus/tasks/stuck.js";
import {
  deadLetters,
  type DeadLetter,
  type DeadLetterFilter,
} from "./bus/tasks/dead-letters.js";
import { InputCheck } from "./bus/tasks/input-check.js";
import { followProgress, type ProgressFilter } from "./bus/history/live.js";
import { forkTask, type ForkOptions } from "./bus/journal/fork.js";
import { startWaker } from "./bus/journal/waker.js";
import { sendSignal, type SignalOptions } from "./bus/journal/signals.js";
import { readTaskJournal } from "./bus/journal/task-journal.js";
import { Outcomes } from "./bus/tasks/outcomes.js";
import { Publisher } from "./bus/streams/publisher.js";
import { Queues } from "./bus/streams/queues.js";
import { Recorder } from "./bus/tasks/recorder.js";
import { Registry } from "./bus/registry/registry.js";
import {
  replay,
  type AgentReplayFilter,
  type ReplayFilter,
} from "./bus/history/replay.js";
import type { AgentChange } from "./bus/registry/directory.js";
import type { Discovered, DiscoverFilter } from "./bus/registry/discovery.js";
import { Router, type RouteOptions } from "./bus/routing/router.js";
import type { Scorer } from "./bus/routing/scorer.js";
import {
  findTask,
  listTasks,
  type TaskFilter,
  type TaskSummary,
} from "./bus/tasks/task-list.js";
import type { ScheduleOptions } from "./bus/schedules/definition.js";
import { Firer } from "./bus/schedules/firer.js";
import { startScheduler } from "./bus/schedules/scheduler.js";
import { Schedules, type Added } from "./bus/schedules/schedules.js";
import type { EmbeddedServer } from "./bus/server/embedded.js";
import { Settings } from "./bus/buckets/settings.js";
import type { StreamLimits } from "./bus/streams/streams.js";
import {
  Submitter,
  type CallOptions,
  type SubmitOptions,
} from "./bus/tasks/submitter.js";
import {
  checkInput,
  namesOf,
  needOf,
  toNeed,
  type InputOf,
  type NamedTarget,
  type OutputOf,
  type PlainTarget,
  type Target,
} from "./bus/tasks/target.js";
import { TaskHandle } from "./bus/tasks/task-handle.js";
import { startMover } from "./bus/tasks/timers.js";
import { Plans } from "./bus/plans/plans.js";
import {
  Orchestrator,
  type OrchestratorOptions,
} from "./orchestrator/orchestrator.js";
import { Queries } from "./orchestrator/queries/query.js";
import type { AgentCard, InstanceCard } from "./protocol/card.js";
import type { AgentEvent } from "./protocol/agent-events.js";
import { toMs, type Duration } from "./protocol/duration.js";
import { defaultLane } from "./protocol/subjects.js";
import type { When } from "./protocol/firing-times.js";
import type { Need } from "./protocol/need.js";
import type { Route } from "./protocol/route.js";
import type { TaskEvent } from "./protocol/task.js";
import type { TaskJournal } from "./protocol/task-journal.js";
import type { AnyStateMachine } from "./actors/durable/machine-types.js";
import type { Agent, StatefulAgent } from "./workers/agent.js";
import type { AnySkill } from "./workers/skill.js";
import { Context } from "./workers/contexts/context-handle.js";
import type { EventSchemas } from "./workers/contexts/stateful.js";
import type { ServeOptions } from "./workers/serve-options.js";
import { Worker } from "./workers/worker.js";
import { drainOnSignals } from "./workers/signals.js";

export interface AskOptions {
  /** Default 10s. */
  timeout?: Duration;
  /** Which version of the agent, when two run side by side. Default main, or as its lanes are split. */
  lane?: string;
}

export interface OrchestrateOptions extends OrchestratorOptions {
  /** Stop and exit on these signals. Default SIGTERM and SIGINT; false for none. */
  signals?: readonly NodeJS.Signals[] | false;
  /** A plan whose orchestrator is silent for so long goes on at another. Default 3s. */
  ackWait?: Duration;
}

const defaultAskMs = 10_000;

export class Bus implements AsyncDisposable {
  readonly url: string;
  readonly namespace: string;
  /** Versions of an agent side by side: which share of the tasks each gets, and how it fares. */
  readonly lanes: Lanes;
  /** What `schedule` has added: listed, paused, resumed, deleted, fired now. */
  readonly schedules: Schedules;
  /** Work as data: plans are checked, run, and kept by name and version. */
  readonly plans: Plans;
  readonly #link: Link;
  readonly #server: EmbeddedServer | undefined;
  readonly #publisher: Publisher;
  readonly #recorder: Recorder;
  readonly #outcomes: Outcomes;
  readonly #registry: Registry;
  readonly #queues: Queues;
  readonly #settings: Settings;
  readonly #submitter: Submitter;
  readonly #firer: Firer;
  readonly #asks: Asks;
  readonly #laneChoice: LaneChoice;
  readonly #router: Router;
  /** Asks the orchestrator about tasks, agents, contexts and dead letters. */
  readonly query = new Queries((target, input, options) =>
    this.ask(target, input, options),
  );
  readonly #workers = new Set<Worker>();
  readonly #orchestrators = new Set<Orchestrator>();
  /** Whoever serves also moves what falls due, and fires schedules. */
  #mover: Promise<{ stop(): Promise<void> }> | undefined;
  #scheduler: Promise<{ stop(): Promise<void> }> | undefined;

  constructor(
    link: Link,
    server: EmbeddedServer | undefined,
    limits: StreamLimits = {},
    scorer?: Scorer,
  ) {
    this.url = link.url;
    this.namespace = link.subjects.namespace;
    this.#link = link;
    this.#server = server;
    this.#publisher = new Publisher(link);
    this.#recorder = new Recorder(link, this.#publisher);
    this.#outcomes = new Outcomes(link);
    this.#registry = new Registry(link, this.#publisher);
    this.#queues = new Queues(link, limits);
    this.#settings = new Settings(link, this.#publisher);
    this.lanes = new Lanes(
      link,
      this.#publisher,
      this.#settings,
      this.#registry,
    );
    this.plans = new Plans({
      link,
      publisher: this.#publisher,
      registry: this.#registry,
      submit: (...args) => this.submit(...args),
    });
    this.#laneChoice = new LaneChoice(link, this.#settings);
    this.#submitter = new Submitter(
      link,
      this.#publisher,
      this.#outcomes,
      new InputCheck(link, this.#registry),
      this.#queues,
      this.#laneChoice,
    );
    this.#firer = new Firer(link, this.#publisher, this.#submitter);
    this.schedules = new Schedules(
      this.#firer,
      this.#submitter,
      (taskId, agent) => new TaskHandle(this.#host(), taskId, { agent }),
    );
    this.#asks = new Asks(link);
    this.#router = new Router(link, this.#registry, scorer);
  }

  /** Runs an instance of an agent in this process. Resolves when it takes tasks. */
  async serve<Skills extends Record<string, AnySkill>>(
    agent: Agent<Skills>,
    options: ServeOptions = {},
  ): Promise<Worker> {
    const host = {
      link: this.#link,
      publisher: this.#publisher,
      registry: this.#registry,
      queues: this.#queues,
      settings: this.#settings,
      submitter: this.#submitter,
      router: this.#router,
      lanes: this.#laneChoice,
      outcomes: this.#outcomes,
    };
    const worker = new Worker(agent, host, options);
    try {
      await Promise.all([this.#startMover(), this.#startScheduler()]);
      await worker.start();
    } catch (error) {
      await worker.drain();
      throw error;
    }
    this.#workers.add(worker);
    void worker.stopped.then(() => this.#workers.delete(worker));
    return worker;
  }

  /**
   * Runs an orchestrator in this process: it answers `bus.query`, and one of all that run leads what only one
   * may do. Resolves when it answers.
   */
  async orchestrate(options: OrchestrateOptions = {}): Promise<Orchestrator> {
    const { signals, ackWait = "3s", ...settings } = options;
    const orchestrator = new Orchestrator(
      {
        link: this.#link,
        publisher: this.#publisher,
        registry: this.#registry,
        call: (...args) => this.call(...args),
        find: (id) => this.find(id),
      },
      settings,
    );
    this.#orchestrators.add(orchestrator);
    try {
      await orchestrator.start();
      const { agent, instance } = orchestrator;
      const serving = { instance, ackWait, signals: false } as const;
      const worker = await this.serve(agent, serving);
      orchestrator.answersBy(worker);
    } catch (error) {
      await orchestrator.drain();
      throw error;
    }
    if (signals !== false) {
      const forget = drainOnSignals(orchestrator, signals);
      orchestrator.onState((state) => state === "stopped" && forget());
    }
    return orchestrator;
  }

  /**
   * A durable task. Resolves when the server has stored it: from then on it ends exactly once.
   * Throws INPUT_INVALID with the path of the field, AGENT_UNKNOWN, SKILL_UNKNOWN, PAYLOAD_TOO_LARGE, STREAM_FULL;
   * for a need that nobody meets NO_CANDIDATE.
   */
  async submit<To extends Target>(
    target: To,
    input: InputOf<To>,
    options: SubmitOptions = {},
  ): Promise<TaskHandle<OutputOf<To>>> {
    const need = needOf(target);
    const { spec, stored } = need
      ? await this.#submitter.submit(
          ...(await this.#router.resolve(need, input, options)),
        )
      : await this.#submitter.submit(target as NamedTarget, input, options);
    const { agent, taskId } = spec;
    const { duplicate } = stored;
    const own = !duplicate;
    return new TaskHandle(this.#host(), taskId, { agent, duplicate, own });
  }

  /** A durable task, and wait for its output. Throws what the task failed with, or WAIT_TIMED_OUT; the task itself goes on. */
  call<To extends Target>(
    target: To,
    input: InputOf<To>,
    options: CallOptions = {},
  ): Promise<OutputOf<To>> {
    const need = needOf(target);
    const output = need
      ? this.#router
          .resolve(need, input, options)
          .then((found) => this.#submitter.call(...found))
      : this.#submitter.call(target as NamedTarget, input, options);
    return output as Promise<OutputOf<To>>;
  }

  /**
   * Submits a task again and again, by a cron expression or every so often: exactly one a firing, whatever dies,
   * as long as any process serves any agent. The task's id follows from the name and the time, such as
   * "nightly@2030-01-31T03:00:00Z". The same schedule again changes nothing; another of the same name is refused
   * with SCHEDULE_EXISTS, or replaces it where that is asked for. Throws ARGUMENT_INVALID, also for what never
   * fires, and what `submit` throws.
   */
  schedule<To extends PlainTarget>(
    name: string,
    when: When,
    target: To,
    input: InputOf<To>,
    options: ScheduleOptions = {},
  ): Promise<Added> {
    return this.schedules.add({ name, when, target, input, options });
  }

  /** Request-reply, not stored. Throws NO_RESPONDERS when no instance is there. */
  async ask<To extends Target>(
    target: To,
    input: InputOf<To>,
    options: AskOptions = {},
  ): Promise<OutputOf<To>> {
    const timeoutMs =
      options.timeout === undefined
        ? defaultAskMs
        : toMs(options.timeout, "timeout");
    const need = needOf(target);
    const checked = need ? undefined : checkInput(target as NamedTarget, input);
    if (checked) await checked;
    const found = need
      ? await this.#router.find(need, options)
      : { ...namesOf(target as NamedTarget), lane: options.lane };
    const asking = this.#laneChoice.know(found.agent, found);
    const beganAt = asking && performance.now();
    if (asking) await asking;
    const waitedMs = beganAt === undefined ? 0 : performance.now() - beganAt;
    found.lane ??= this.#laneChoice.chooseForAsk(found.agent);
    return this.#asks.ask(found, input, timeoutMs, waitedMs) as Promise<
      OutputOf<To>
    >;
  }

  /** One context of a stateful agent: its actor, which need not be awake, nor have been. */
  context<Machine extends AnyStateMachine, Events extends EventSchemas>(
    agent: StatefulAgent<Machine, Events>,
    id: string,
  ): Context<Machine, Events> {
    const host = {
      link: this.#link,
      publisher: this.#publisher,
      submit: (...args: Parameters<Bus["submit"]>) => this.submit(...args),
      call: (...args: Parameters<Bus["call"]>) => this.call(...args),
      task: (task: string, name: string) =>
        new TaskHandle(this.#host(), task, { agent: name }),
    };
    return new Context(host, agent, id);
  }

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
    return sendSignal(this.#link, this.#publisher, taskId, signal, options);
  }

  /**
   * What the handler of a task has done durably, under way or ended, and the signals that were sent to it. Without
   * entries for one that has done nothing. Throws TASK_UNKNOWN.
   */
  journal(
    taskId: string,
    { agent }: { agent?: string } = {},
  ): Promise<TaskJournal> {
    return readTaskJournal(this.#link, taskId, agent);
  }

  /**
   * A new task that begins where another was: its journal has what that had done before one of its operations, and from
   * there on it goes its own way, by today's handler. What it has from the other it neither does again nor undoes.
   * Throws TASK_UNKNOWN, ARGUMENT_INVALID, and what `submit` throws.
   */
  async fork(taskId: string, options: ForkOptions): Promise<TaskHandle> {
    const {
      taskId: id,
      agent,
      duplicate,
    } = await forkTask(
      {
        link: this.#link,
        publisher: this.#publisher,
        submitter: this.#submitter,
      },
      taskId,
      options,
    );
    return new TaskHandle(this.#host(), id, {
      agent,
      duplicate,
      own: !duplicate,
    });
  }

  /** A task by its id, whoever submitted it. */
  task(id: string): TaskHandle {
    return new TaskHandle(this.#host(), id);
  }

  /** What has not ended, next first; then what has, newest first. At most `limit` of each. */
  tasks(filter: TaskFilter = {}): Promise<TaskSummary[]> {
    return listTasks(this.#link, filter);
  }

  /** How much waits in a lane of an agent, and for how long. Throws AGENT_UNKNOWN for one that was never served. */
  backlog(agent: string, lane = defaultLane): Promise<Backlog> {
    return this.lanes.backlog(agent, lane);
  }

  /** One task, waiting or ended; undefined when it was never submitted or has aged out. */
  find(id: string): Promise<TaskSummary | undefined> {
    return findTask(this.#link, id);
  }

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
    return replay(this.#link, filter);
  }

  /** Progress of tasks as it is sent, until the reader stops; it is not stored. */
  progress(
    filter: ProgressFilter = {},
  ): AsyncGenerator<TaskEvent, void, undefined> {
    return followProgress(this.#link, filter);
  }

  /** Tasks that nothing will wake any more, for somebody has removed their messages. */
  stuckTasks(agent?: string): Promise<StuckTask[]> {
    return stuckTasks(this.#link, agent);
  }

  /** Tasks that nobody could finish, oldest first. */
  deadLetters(
    filter: DeadLetterFilter = {},
  ): AsyncGenerator<DeadLetter, void, undefined> {
    return deadLetters(this.#link, this.#publisher, filter);
  }

  /** The cards of all agents that were ever served here, one for each lane. */
  agents(): Promise<AgentCard[]> {
    return this.#registry.agents();
  }

  /** Who would get a task with this need, and why; nothing is submitted. Throws NO_CANDIDATE with the nearest. */
  route(need: string | Need, options: RouteOptions = {}): Promise<Route> {
    return this.#router.route(toNeed(need), { ...options, peek: true });
  }

  /** Agents that fit, by name or, where there is a text, the best fit first. */
  discover(filter: DiscoverFilter = {}): Promise<Discovered[]> {
    return this.#router.discover(filter);
  }

  /** Agents and instances that are there, then those that come, change, leave or die, until the reader stops. */
  watchAgents(
    filter: { agent?: string } = {},
  ): AsyncGenerator<AgentChange, void, undefined> {
    return this.#router.watch(filter);
  }

  /** Takes the card of an agent that is served no more from the registry; tasks that wait for it stay. Throws AGENT_UNKNOWN, and CONFLICT while an instance lives. */
  forgetAgent(agent: string, lane = defaultLane): Promise<AgentCard> {
    return this.#registry.forget(agent, lane);
  }

  /** The instances that live now. */
  instances(agent?: string): Promise<InstanceCard[]> {
    return this.#registry.instances(agent);
  }

  /**
   * No instance of the agent takes tasks any more, in whatever process, nor any that starts later, until it is
   * resumed; nothing is lost, and tasks in hand finish. Resolves, with the living instances, when all of them
   * have obeyed. Throws WAIT_TIMED_OUT when one has not; the order stands.
   */
  pauseAgent(agent: string, options?: PauseOptions): Promise<InstanceCard[]> {
    return pauseAgent(this.#control(), agent, options);
  }

  /** Resolves, with the living instances, when all of them take tasks again. Throws WAIT_TIMED_OUT, STATE_REFUSED. */
  resumeAgent(agent: string, options?: OrderOptions): Promise<InstanceCard[]> {
    return resumeAgent(this.#control(), agent, options);
  }

  /**
   * The agent's instances that live now, or one of them, finish what they have in hand and stop. Resolves with
   * them when they are gone. Whoever runs their processes may start them again. Throws WAIT_TIMED_OUT.
   */
  drainAgent(agent: string, options?: DrainOptions): Promise<InstanceCard[]> {
    return drainAgent(this.#control(), agent, options);
  }

  /** What agents are ordered, by their names; one that is not there has no orders. */
  agentOrders(): Promise<Map<string, AgentOrders>> {
    return this.#settings.all(agentOrders);
  }

  /** Drains its workers, closes the connection and, if it started one, ends the embedded server. */
  async close(): Promise<void> {
    await Promise.all([...this.#orchestrators].map((each) => each.drain()));
    await Promise.all([...this.#workers].map((worker) => worker.drain()));
    await (await this.#mover?.catch(() => undefined))?.stop();
    await (await this.#scheduler?.catch(() => undefined))?.stop();
    await this.#link.close();
    await this.#server?.stop();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #startMover(): Promise<unknown> {
    if (!this.#mover) {
      this.#mover = startRelays(this.#link, this.#publisher);
      this.#mover.catch(() => (this.#mover = undefined));
    }
    return this.#mover;
  }

  #startScheduler(): Promise<unknown> {
    if (!this.#scheduler) {
      this.#scheduler = startScheduler(this.#firer);
      this.#scheduler.catch(() => (this.#scheduler = undefined));
    }
    return this.#scheduler;
  }

  #control() {
    return {
      link: this.#link,
      publisher: this.#publisher,
      registry: this.#registry,
      settings: this.#settings,
    };
  }

  #host() {
    return {
      link: this.#link,
      publisher: this.#publisher,
      outcomes: this.#outcomes,
      recorder: this.#recorder,
    };
  }
}

async function startRelays(link: Link, publisher: Publisher): Promise<Relay> {
  const relays = await Promise.all([
    startMover(link, publisher),
    startWaker(link, publisher),
  ]);
  return {
    async stop() {
      await Promise.all(relays.map((relay) => relay.stop()));
    },
  };
}

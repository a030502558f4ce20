// What an instance of an agent is made of, and how its parts know each other.
import { agentOrders } from "../bus/registry/agent-orders.js";
import type { Delivery } from "../bus/delivery/delivery.js";
import type { InstanceCard } from "../protocol/card.js";
import { toCard, type Agent } from "./agent.js";
import type { ExecutionHost } from "./assignment.js";
import { ContextExecution } from "./contexts/context-execution.js";
import { Contexts } from "./contexts/contexts.js";
import { Execution } from "./execution.js";
import { executionHost, type WorkerHost } from "./execution-host.js";
import { Health } from "./health.js";
import { InHand } from "./in-hand.js";
import { Intake } from "./intake.js";
import { LifeLog } from "./life-log.js";
import { Presence } from "./presence.js";
import type { ServeRules } from "./serve-options.js";
import { UndoExecution } from "./steps/undo-execution.js";
import { Watch } from "./watch.js";
import type { WorkerStep } from "./worker.machine.js";

/** What they know of the whole. */
interface Whole {
  /** How it is now. */
  card(this: void): InstanceCard;
  /** For its machine. */
  step(this: void, event: WorkerStep): void;
}

export class WorkerParts {
  readonly host: ExecutionHost;
  readonly intake: Intake;
  readonly inHand: InHand;
  readonly contexts: Contexts | undefined;
  readonly presence: Presence;
  readonly health: Health;
  readonly log: LifeLog;
  readonly watch: Watch;

  constructor(
    definition: Agent,
    bus: WorkerHost,
    rules: ServeRules,
    { card, step }: Whole,
  ) {
    const { link, publisher, registry, settings } = bus;
    const { name: agent, actor } = definition;
    const { instance, lane, concurrency, ackWaitMs, weight } = rules;
    this.presence = new Presence({
      link,
      publisher,
      registry,
      agentCard: toCard(definition, lane),
      labels: { ...definition.labels, ...rules.labels },
      weight,
      shut: () => this.host.limits?.shut() ?? [],
      card,
    });
    this.watch = new Watch(ackWaitMs);
    this.intake = new Intake(
      link,
      {
        agent,
        lane,
        slots: concurrency,
        ackWaitMs,
        instance,
        turnsBy: actor && registry,
        onFree: () => this.host.limits?.onSlotFree(),
      },
      (delivery) => this.inHand.take(delivery),
    );
    this.host = executionHost(definition, {
      ...bus,
      lane,
      instance,
      ackWaitMs,
      slots: this.intake,
      watch: this.watch,
      logFailed: (error) => this.health.logFailed(error),
    });
    this.log = new LifeLog(this.host);
    const { recorder } = this.host;
    this.contexts =
      actor && new Contexts(actor, { ...bus, recorder, agent, lane, instance });
    this.health = new Health({
      link,
      step,
      learnOrders: () => settings.refresh(agentOrders, agent),
      record: (kind, data) => this.log.record(kind, data),
      blockedMs: Math.max(1_000, ackWaitMs / 3),
    });
    this.inHand = new InHand(
      link.log,
      (delivery) => this.#executionOf(delivery),
      {
        step,
        release: () => this.intake.release(),
        took: (ms) => this.presence.took(ms),
      },
    );
  }

  #executionOf(delivery: Delivery): Execution {
    const { host, contexts, intake } = this;
    if (contexts) return new ContextExecution(host, delivery, contexts, intake);
    const isOver = delivery.headers.undo !== undefined;
    return new (isOver ? UndoExecution : Execution)(host, delivery);
  }
}

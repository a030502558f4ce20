// What the policy is told: the backlog of what the replicas serve, asked of the bus, and how busy they are, from
// their heartbeats.
import { performance } from "node:perf_hooks";
import type { Bus } from "../../troupe.js";
import type { Served } from "./channel.js";
import type { AgentSeen, Observation } from "./policy.js";
import type { Replica } from "./replica.js";

/** A rate is that of about so long a time. */
const rateOverMs = 5_000;

export class Observer {
  readonly #bus: Bus;
  /** How many deliveries of an agent were done with, and when. */
  readonly #ended = new Map<string, { at: number; ended: number }[]>();
  /** Of instances that are gone as well. */
  readonly #endedBy = new Map<string, Map<string, number>>();

  constructor(bus: Bus) {
    this.#bus = bus;
  }

  async observe(replicas: readonly Replica[]): Promise<Observation> {
    const beats = replicas.flatMap(({ newest }) => (newest ? [newest] : []));
    const served = beats.flatMap(({ serving }) => serving);
    const names = new Map(served.map(({ agent, lane }) => [agent, lane]));
    const agents = await Promise.all(
      [...names].map(([agent, lane]) =>
        this.#see(
          agent,
          lane,
          served.filter((one) => one.agent === agent),
        ),
      ),
    );
    const sum = (of: "loop" | "cpu") =>
      beats.reduce((total, beat) => total + beat[of], 0);
    return {
      at: performance.now(),
      agents,
      serving: beats.length,
      loop: beats.length === 0 ? 0 : sum("loop") / beats.length,
      cpu: sum("cpu"),
    };
  }

  async #see(
    agent: string,
    lane: string,
    served: readonly Served[],
  ): Promise<AgentSeen> {
    const { waiting, oldestMs } = await this.#bus.backlog(agent, lane);
    const sum = (of: "running" | "concurrency") =>
      served.reduce((total, one) => total + one[of], 0);
    return {
      agent,
      waiting,
      oldestWaitMs: oldestMs,
      inHand: sum("running"),
      slots: sum("concurrency"),
      rate: this.#rate(agent, served),
    };
  }

  #rate(agent: string, served: readonly Served[]): number {
    const by = this.#endedBy.get(agent) ?? new Map<string, number>();
    this.#endedBy.set(agent, by);
    for (const { instance, ended } of served) by.set(instance, ended);
    const ended = [...by.values()].reduce((total, count) => total + count, 0);
    const at = performance.now();
    const samples = [...(this.#ended.get(agent) ?? []), { at, ended }];
    const recent = samples.filter((one) => at - one.at <= rateOverMs);
    this.#ended.set(agent, recent);
    const [first] = recent;
    const overMs = at - first!.at;
    return overMs === 0 ? 0 : ((ended - first!.ended) / overMs) * 1_000;
  }
}

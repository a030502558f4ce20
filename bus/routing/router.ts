// Finds who can do what is needed, by the directory that this connection keeps. Everything that decides is
// pure and stands in bus/routing/; here are the waits, and what is remembered between two decisions.
//
// 1. R9: who waits for a candidate waits as long as was asked for, and is told then what was the nearest.
// 2. A decision is made at once and never revised: what was chosen may be gone a moment later, and the task
//    then waits in its queue as any other does.
import { formatMs, longestTimerMs, toMs } from "../../protocol/duration.js";
import { TroupeError } from "../../protocol/errors.js";
import { parseNeed, type Need } from "../../protocol/need.js";
import { toRouteHeader, type Route } from "../../protocol/route.js";
import { defaultLane } from "../../protocol/subjects.js";
import type { Link } from "../connection/connection.js";
import { Directory, type AgentChange } from "../registry/directory.js";
import {
  gathered,
  watchAgents,
  type Discovered,
  type DiscoverFilter,
} from "../registry/discovery.js";
import type { Registry } from "../registry/registry.js";
import { isPaused, type Candidate } from "./candidate.js";
import {
  decide,
  explain,
  sift,
  type Decision,
  type Refusal,
} from "./decision.js";
import { LexicalScorer } from "./lexical.js";
import type { Scorer } from "./scorer.js";
import { SkillIndex } from "./skill-index.js";
import { Memory } from "./strategies.js";
import type { Routed, SubmitOptions } from "../tasks/submit-options.js";
import type { FoundTarget, Names } from "../tasks/target.js";
import type { Asked } from "../asks/asks.js";

export interface RouteOptions {
  /** For `sticky`: tasks of the same context, or else of the same key, go to the same place. */
  context?: string | undefined;
  key?: string | undefined;
  /** In this lane only. */
  lane?: string | undefined;
  /** Not these. */
  except?: ((names: Names) => boolean) | undefined;
}

/** Where a task is to go. Without a lane where the agent's split is to say which. */
export interface Place extends Names {
  lane: string | undefined;
  /** Why, for its history. */
  route: string;
}

type Found = Extract<Decision, { lanes: number }>;

interface How {
  isAsk?: boolean;
  /** Only a question: it takes nobody's turn. */
  peek?: boolean;
}

export class Router {
  readonly directory: Directory;
  readonly #link: Link;
  readonly #scorer: Scorer;
  readonly #memory = new Memory();
  #index: Promise<SkillIndex> | undefined;

  constructor(
    link: Link,
    registry: Registry,
    scorer: Scorer = new LexicalScorer(),
  ) {
    this.#link = link;
    this.directory = new Directory(link, registry);
    this.#scorer = scorer;
  }

  /** Throws NO_CANDIDATE with the nearest, and ARGUMENT_INVALID for a need that is none. */
  async route(need: Need, options: RouteOptions & How = {}): Promise<Route> {
    return (await this.#choose(need, options)).route;
  }

  /** Whom to ask; without a lane where the agent's split is to say which. */
  async find(need: Need, options: { lane?: string }): Promise<Asked> {
    const found = await this.#choose(need, { ...options, isAsk: true });
    const { agent, skill } = found.route;
    return { agent, skill, lane: options.lane ?? this.#laneOf(found) };
  }

  /** Throws NO_CANDIDATE. */
  async place(need: Need, options: RouteOptions): Promise<Place> {
    const found = await this.#choose(need, options);
    const { agent, skill } = found.route;
    const lane = options.lane ?? this.#laneOf(found);
    return { agent, skill, lane, route: toRouteHeader(found.route) };
  }

  /** What to hand to the submitter instead of the need. */
  async resolve<Options extends SubmitOptions>(
    need: Need,
    input: unknown,
    options: Options,
  ): Promise<[FoundTarget, unknown, Options & Routed]> {
    const { agent, skill, lane, route } = await this.place(need, options);
    const routed = {
      ...options,
      ...(lane === undefined ? {} : { lane }),
      route,
    };
    return [{ agent, name: skill }, input, routed];
  }

  /** Where it fits in all lanes of the agent, their split decides as it does for who names the agent. */
  #laneOf({ route: { agent, lane, strategy }, lanes }: Found) {
    const isSplit =
      strategy === "pull" &&
      lane === defaultLane &&
      lanes >= this.#lanesThere(agent);
    return isSplit ? undefined : lane;
  }

  /** By name, or the best fit first where there is a text. */
  async discover(filter: DiscoverFilter = {}): Promise<Discovered[]> {
    const index = await this.#open();
    const { tag, ...rest } = filter;
    const need: Need = {
      ...rest,
      ...(tag === undefined ? {} : { tags: [tag] }),
      offline: true,
    };
    if (need.version !== undefined) parseNeed({ ...need, skill: "any" });
    const possible = await this.#possible(index, need);
    const { fitting } = sift(possible, { need, lane: undefined, minScore: 0 });
    return gathered(fitting, filter.text !== undefined);
  }

  watch(
    filter: { agent?: string } = {},
  ): AsyncGenerator<AgentChange, void, undefined> {
    return watchAgents(this.#link, this.directory, filter);
  }

  #open(): Promise<SkillIndex> {
    if (this.#index) return this.#index;
    this.#index = this.directory.open().then(() => {
      this.directory.onChange((change) => this.#heard(change));
      return new SkillIndex(this.directory, this.#scorer);
    });
    this.#index.catch(() => (this.#index = undefined));
    return this.#index;
  }

  #heard({ kind, agent, lane }: AgentChange): void {
    if (kind === "heartbeat" || kind === "changed")
      this.#memory.told(`${agent}/${lane}`);
  }

  async #decide(index: SkillIndex, need: Need, options: RouteOptions & How) {
    const { context, key, lane, except, isAsk = false, peek = false } = options;
    const possible = await this.#possible(index, need);
    const others = except
      ? possible.filter(
          (each) => !except({ agent: each.lane.agent, skill: each.skill.id }),
        )
      : possible;
    return decide(others, {
      need,
      lane,
      context: context ?? key,
      memory: this.#memory,
      peek,
      minScore: need.minScore ?? this.#scorer.minScore,
      isAsk,
    });
  }

  /** With a skill's name, also those of other names, to tell the nearest of when there is none. */
  async #possible(
    index: SkillIndex,
    { skill, text }: Need,
  ): Promise<Candidate[]> {
    if (skill === undefined)
      return text === undefined ? index.all() : index.like(text);
    const named = index.withSkill(skill);
    return named.length > 0 ? named : index.like(skill);
  }

  async #choose(need: Need, options: RouteOptions & How): Promise<Found> {
    const index = await this.#open();
    const waitMs = need.wait === undefined ? 0 : toMs(need.wait, "wait");
    const found = await this.#decide(index, need, options);
    if (found.route) return found;
    if (waitMs === 0) throw noCandidate(need, found.refusals);
    return this.#await(index, need, options, waitMs);
  }

  /** How many lanes of an agent have instances that take tasks. */
  #lanesThere(name: string): number {
    let count = 0;
    for (const { agent, ready } of this.directory.lanes())
      if (agent === name && ready.length > 0) count++;
    return count;
  }

  #await(
    index: SkillIndex,
    need: Need,
    options: RouteOptions & How,
    waitMs: number,
  ): Promise<Found> {
    return new Promise((resolve, reject) => {
      const stop = () => {
        clearTimeout(timer);
        forgetChanges();
        forgetClose();
      };
      const settle = (act: () => void) => {
        stop();
        act();
      };
      let refusals: Refusal[] = [];
      const look = () => {
        this.#decide(index, need, options).then(
          (found) => {
            if (found.route) settle(() => resolve(found));
            else refusals = found.refusals;
          },
          (error: TroupeError) => settle(() => reject(error)),
        );
      };
      const timer = setTimeout(
        () => settle(() => reject(noCandidate(need, refusals, waitMs))),
        Math.min(waitMs, longestTimerMs),
      );
      const forgetChanges = this.directory.onChange(({ kind }) => {
        if (kind !== "heartbeat") look();
      });
      const forgetClose = this.#link.onClose((error) =>
        settle(() => reject(error)),
      );
      look();
    });
  }
}

function noCandidate(
  need: Need,
  refusals: readonly Refusal[],
  waitedMs = 0,
): TroupeError {
  const text = explain(need, refusals);
  // Nor has there been one: those who are away would do.
  if (need.offline === true && waitedMs === 0)
    return new TroupeError(
      "NO_CANDIDATE",
      `${text}. Serve one once, or ask for less`,
    );
  const paused = refusals.find(({ why }) => why === isPaused)?.candidate.lane;
  const next = paused ? `Resume "${paused.agent}"` : "Start one, ask for less";
  return new TroupeError(
    "NO_CANDIDATE",
    waitedMs === 0
      ? `${text}. ${next}, or wait for one with { wait: "30s" }`
      : `waited ${formatMs(waitedMs)} and ${text}. ${next}, or wait longer`,
    paused && { data: { paused: { agent: paused.agent, lane: paused.lane } } },
  );
}

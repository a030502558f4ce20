// Plans as users hold them: checked against the agents that there are, and kept by name and version.
import { checkPlan } from "../../protocol/plan/check.js";
import type { PlanProblem } from "../../protocol/plan/outline.js";
import type { Link } from "../connection/connection.js";
import type { Registry } from "../registry/registry.js";
import type { Publisher } from "../streams/publisher.js";
import { Templates, type KeptPlan, type PlanVersion } from "./templates.js";

export interface PlansHost {
  link: Link;
  publisher: Publisher;
  registry: Registry;
}

export class Plans {
  readonly #registry: Registry;
  readonly #templates: Templates;

  constructor({ link, publisher, registry }: PlansHost) {
    this.#registry = registry;
    this.#templates = new Templates(link, publisher);
  }

  /** All that is wrong with a plan, each with its path and what was expected; whom it calls must have been served here. */
  async check(plan: unknown): Promise<PlanProblem[]> {
    return checkPlan(plan, { cards: await this.#registry.agents() });
  }

  /** Keeps a plan under a name, as its newest version. Throws PLAN_INVALID. */
  put(name: string, plan: unknown): Promise<PlanVersion> {
    return this.#templates.put(name, plan);
  }

  /** "name" is the newest version, "name@3" that one. Throws PLAN_UNKNOWN. */
  get(name: string): Promise<KeptPlan> {
    return this.#templates.get(name);
  }

  /** The newest version of each plan that is kept, by name. */
  list(): Promise<PlanVersion[]> {
    return this.#templates.list();
  }

  /** All versions of a plan, oldest first. Throws PLAN_UNKNOWN. */
  history(name: string): Promise<PlanVersion[]> {
    return this.#templates.history(name);
  }

  /** All versions of "name", or "name@3" alone; their numbers are not used again. Throws PLAN_UNKNOWN. */
  delete(name: string): Promise<PlanVersion[]> {
    return this.#templates.delete(name);
  }
}

// A lane of an agent as the directory knows it: its card, and the instances that live there.
//
// 1. A task goes to whichever instance of the lane pulls it. So what a caller may rely on is what holds for
//    every instance that takes tasks there: their common labels, the skills that all of them have, and a
//    range of versions only where it holds for each.
// 2. Where none takes tasks, the card is all there is, and says what will hold once one comes.
import {
  digestOf,
  type AgentCard,
  type InstanceCard,
  type Labels,
  type SkillCard,
} from "../../protocol/card.js";
import { compareVersions, fitsRange } from "../../protocol/versions.js";

interface Ready {
  instances: readonly InstanceCard[];
  labels: Labels;
  /** The oldest of them. */
  version: string;
  oneVersion: boolean;
  skills: ReadonlySet<string> | undefined;
}

export class Lane {
  readonly agent: string;
  readonly lane: string;
  readonly card: AgentCard;
  readonly digest: string;
  readonly skills: ReadonlyMap<string, SkillCard>;
  /** By their names. */
  readonly instances: ReadonlyMap<string, InstanceCard>;
  #ready: Ready | undefined;

  constructor(card: AgentCard, instances: Lane["instances"]) {
    this.agent = card.name;
    this.lane = card.lane;
    this.card = card;
    this.digest = digestOf(card);
    this.skills = new Map(card.skills.map((skill) => [skill.id, skill]));
    this.instances = instances;
  }

  /** An instance came, went, or told how it is. */
  changed(): void {
    this.#ready = undefined;
  }

  /** Those that take tasks. */
  get ready(): readonly InstanceCard[] {
    return this.#now().instances;
  }

  get labels(): Labels {
    return this.#now().labels;
  }

  get version(): string {
    return this.#now().version;
  }

  fits(range: string): boolean {
    const { oneVersion, instances, version } = this.#now();
    return oneVersion
      ? fitsRange(version, range)
      : instances.every((instance) => fitsRange(instance.version, range));
  }

  has(skill: string): boolean {
    const { skills } = this.#now();
    return this.skills.has(skill) && (skills?.has(skill) ?? true);
  }

  /** Its breaker is open: tasks would wait until it has rested. */
  isShut(skill: string): boolean {
    return this.#now().instances.some(
      ({ shut }) => shut?.includes(skill) === true,
    );
  }

  #now(): Ready {
    return (this.#ready ??= this.#look());
  }

  #look(): Ready {
    const instances = [...this.instances.values()].filter(
      ({ state }) => state === "ready",
    );
    const [first] = instances;
    if (!first) {
      const { labels, version } = this.card;
      return {
        instances,
        labels,
        version,
        oneVersion: true,
        skills: undefined,
      };
    }
    const versions = [...new Set(instances.map(({ version }) => version))];
    return {
      instances,
      labels: common(instances),
      version: versions.sort(compareVersions)[0]!,
      oneVersion: versions.length === 1,
      skills: skillsOfAll(instances, this.digest),
    };
  }
}

function common(instances: readonly InstanceCard[]): Labels {
  const [first, ...others] = instances.map(({ labels }) => labels);
  if (others.length === 0) return first!;
  const shared = Object.entries(first!).filter(([name, value]) =>
    others.every((labels) => labels[name] === value),
  );
  return Object.fromEntries(shared);
}

/** Undefined where all stand for the lane's card; those that do not may lack some of its skills. */
function skillsOfAll(
  instances: readonly InstanceCard[],
  digest: string,
): ReadonlySet<string> | undefined {
  const others = instances.filter(({ card }) => card !== digest);
  if (others.length === 0) return undefined;
  const [first, ...rest] = others.map(({ skills }) => skills);
  return new Set(
    first!.filter((skill) => rest.every((skills) => skills.includes(skill))),
  );
}

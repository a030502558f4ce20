// The skills of all lanes by name and by words, kept in step with the directory: a decision looks only at
// what can fit. What the scorer is told of is a card's words, so heartbeats cost it nothing.
import type { Directory } from "../registry/directory.js";
import type { SkillCard } from "../../protocol/card.js";
import type { Candidate } from "./candidate.js";
import type { Lane } from "./lane.js";
import type { Scorer, Scores, SkillDocument } from "./scorer.js";

/** What it needs of the directory. */
type Lanes = Pick<Directory, "lanes" | "lane" | "onChange">;

interface Entry {
  id: number;
  lane: Lane;
  skill: SkillCard;
}

export class SkillIndex {
  readonly #scorer: Scorer;
  readonly #entries = new Map<number, Entry>();
  readonly #bySkill = new Map<string, Set<Entry>>();
  readonly #byLane = new Map<string, Entry[]>();
  #next = 0;
  /** The scorer is told of cards from the first words on. */
  #hasWords = false;

  /** The directory must be open. */
  constructor(directory: Lanes, scorer: Scorer) {
    this.#scorer = scorer;
    for (const lane of directory.lanes()) this.#add(lane);
    directory.onChange(({ kind, agent, lane }) => {
      if (kind !== "announced" && kind !== "updated" && kind !== "withdrawn")
        return;
      this.#remove(agent, lane);
      const now = directory.lane(agent, lane);
      if (now) this.#add(now);
    });
  }

  get size(): number {
    return this.#entries.size;
  }

  all(): Candidate[] {
    return [...this.#entries.values()].map(toCandidate);
  }

  withSkill(skill: string): Candidate[] {
    return [...(this.#bySkill.get(skill) ?? [])].map(toCandidate);
  }

  /** All that have anything in common with the words. */
  async like(text: string): Promise<Candidate[]> {
    const scores = this.#score(text);
    const found: Candidate[] = [];
    for (const [id, score] of scores instanceof Promise
      ? await scores
      : scores) {
      const entry = this.#entries.get(id);
      if (entry && score > 0)
        found.push({ lane: entry.lane, skill: entry.skill, score });
    }
    return found;
  }

  #score(text: string): Scores | Promise<Scores> {
    if (!this.#hasWords) {
      this.#hasWords = true;
      for (const entry of this.#entries.values())
        this.#scorer.add(entry.id, documentOf(entry));
    }
    return this.#scorer.score(text);
  }

  #add(lane: Lane): void {
    const entries: Entry[] = [];
    for (const skill of lane.skills.values()) {
      const entry = { id: this.#next++, lane, skill };
      entries.push(entry);
      this.#entries.set(entry.id, entry);
      const same = this.#bySkill.get(skill.id) ?? new Set<Entry>();
      this.#bySkill.set(skill.id, same.add(entry));
      if (this.#hasWords) this.#scorer.add(entry.id, documentOf(entry));
    }
    this.#byLane.set(keyOf(lane.agent, lane.lane), entries);
  }

  #remove(agent: string, lane: string): void {
    const key = keyOf(agent, lane);
    for (const entry of this.#byLane.get(key) ?? []) {
      this.#entries.delete(entry.id);
      const same = this.#bySkill.get(entry.skill.id);
      same?.delete(entry);
      if (same?.size === 0) this.#bySkill.delete(entry.skill.id);
      if (this.#hasWords) this.#scorer.remove(entry.id);
    }
    this.#byLane.delete(key);
  }
}

const toCandidate = ({ lane, skill }: Entry): Candidate => ({
  lane,
  skill,
  score: 1,
});

function documentOf({ lane, skill }: Entry): SkillDocument {
  return {
    agent: lane.agent,
    about: lane.card.description,
    skill: skill.name,
    description: skill.description,
    tags: skill.tags,
    examples: skill.examples,
  };
}

const keyOf = (agent: string, lane: string): string =>
  JSON.stringify([agent, lane]);

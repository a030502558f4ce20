// The routing benchmark's set: the agents of cards.txt, which a company and a household might run, and
// requests as people write them, each with the skill that is meant. Which half a request belongs to is told
// by a hash of its text: one half was used to tune the scorer and the cards, the other was not.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { AgentCard, SkillCard } from "../../protocol/card.js";

export const halves = ["tuned", "untuned"] as const;
export type Half = (typeof halves)[number];

interface LabelledRequest {
  /** `agent.skill` */
  skill: string;
  text: string;
}

const read = (name: string): string[] =>
  readFileSync(
    new URL(`../../../bench/routing/${name}.txt`, import.meta.url),
    "utf8",
  ).split("\n");

export function halfOf(text: string): Half {
  const [first = 0] = createHash("sha256").update(text).digest();
  return first % 2 === 0 ? "tuned" : "untuned";
}

export function requestsOf(half: Half): LabelledRequest[] {
  const requests: LabelledRequest[] = [];
  let skill = "";
  for (const line of read(half))
    if (line.startsWith("# ")) skill = line.slice(2);
    else if (line !== "") requests.push({ skill, text: line });
  return requests;
}

/** `## agent: what it is`, then for each skill `# name: what it does`, `tags: …`, and `- example`. */
export function benchmarkCards(): AgentCard[] {
  const cards: AgentCard[] = [];
  let skill: SkillCard | undefined;
  for (const line of read("cards")) {
    const [, mark = "", rest = ""] = /^(##|#|tags:|-) (.*)$/.exec(line) ?? [];
    const [name = "", description = ""] = rest.split(/: (.*)/);
    if (mark === "##") cards.push(emptyCard(name, description));
    else if (mark === "#") {
      skill = emptySkill(name, description);
      cards.at(-1)!.skills.push(skill);
    } else if (mark === "tags:") skill!.tags.push(...rest.split(", "));
    else if (mark === "-") skill!.examples.push(rest);
  }
  return cards;
}

const emptyCard = (name: string, description: string): AgentCard => ({
  name,
  description,
  version: "1.0.0",
  lane: "main",
  labels: {},
  skills: [],
});

const emptySkill = (id: string, description: string): SkillCard => ({
  id,
  name: id,
  description,
  tags: [],
  examples: [],
  inputSchema: {},
});

// How often routing by plain words finds the skill that is meant, and how long a decision takes.
import { LexicalScorer } from "../../bus/routing/lexical.js";
import type { Candidate } from "../../bus/routing/candidate.js";
import { decide } from "../../bus/routing/decision.js";
import { Lane } from "../../bus/routing/lane.js";
import { Memory } from "../../bus/routing/strategies.js";
import { SkillIndex } from "../../bus/routing/skill-index.js";
import type { AgentCard, InstanceCard } from "../../protocol/card.js";
import type { Need } from "../../protocol/need.js";
import { quantile } from "../load.js";
import { benchmarkCards, requestsOf, type Half } from "./set.js";

interface Accuracy {
  half: Half;
  requests: number;
  /** The share for which the best is the one that is meant. */
  top1: number;
  top3: number;
}

export function measureAccuracy(half: Half): Accuracy {
  const { scorer, names } = indexed(benchmarkCards());
  const requests = requestsOf(half);
  let first = 0;
  let amongThree = 0;
  for (const { skill, text } of requests) {
    const ranked = [...scorer.score(text)].sort((a, b) => b[1] - a[1]);
    const best = ranked.slice(0, 3).map(([id]) => names[id]);
    if (best[0] === skill) first++;
    if (best.includes(skill)) amongThree++;
  }
  const count = requests.length;
  return {
    half,
    requests: count,
    top1: first / count,
    top3: amongThree / count,
  };
}

function indexed(cards: readonly AgentCard[]) {
  const scorer = new LexicalScorer();
  const names: string[] = [];
  for (const { name: agent, description: about, skills } of cards)
    for (const { id, description, tags, examples } of skills) {
      scorer.add(names.length, {
        agent,
        about,
        skill: id,
        description,
        tags,
        examples,
      });
      names.push(`${agent}.${id}`);
    }
  return { scorer, names };
}

interface Speed {
  agents: number;
  skills: number;
  decisions: number;
  p50Ms: number;
  p99Ms: number;
  /** The same of processor time: what others do on the machine does not count. */
  p99ProcessorMs: number;
}

/** Decisions by plain words, by skill and range, and by strategy, in turn, among agents like those of the set. */
export async function measureSpeed({
  agents = 500,
  decisions = 20_000,
}): Promise<Speed> {
  const lanes = crowd(agents);
  const directory = {
    lanes: () => lanes.values(),
    lane: () => undefined,
    onChange: () => () => true,
  };
  const index = new SkillIndex(directory, new LexicalScorer());
  const memory = new Memory();
  const requests = requestsOf("tuned");
  const times: number[] = [];
  const processorTimes: number[] = [];
  for (let at = -decisions / 10; at < decisions; at++) {
    const { text, skill } = requests[Math.abs(at) % requests.length]!;
    const need = needs[Math.abs(at) % needs.length]!(
      text,
      skill.split(".")[1]!,
    );
    const processor = process.cpuUsage();
    const startedAt = performance.now();
    const possible = await possibleFor(index, need);
    decide(possible, {
      need,
      memory,
      context: "c",
      peek: false,
      lane: undefined,
      minScore: 0,
    });
    if (at < 0) continue; // it warms up
    times.push(performance.now() - startedAt);
    const { user, system } = process.cpuUsage(processor);
    processorTimes.push((user + system) / 1000);
  }
  const sorted = times.sort((a, b) => a - b);
  const sortedProcessor = processorTimes.sort((a, b) => a - b);
  return {
    agents,
    skills: index.size,
    decisions,
    p50Ms: quantile(sorted, 0.5),
    p99Ms: quantile(sorted, 0.99),
    p99ProcessorMs: quantile(sortedProcessor, 0.99),
  };
}

const needs: ((text: string, skill: string) => Need)[] = [
  (text) => ({ text }),
  (_, skill) => ({ skill, version: "^1" }),
  (text) => ({ text, prefer: "least-loaded" }),
  (_, skill) => ({ skill, labels: { region: "eu" }, prefer: "weighted" }),
  (text) => ({ text, prefer: "sticky" }),
];

function possibleFor(
  index: SkillIndex,
  { skill, text = "" }: Need,
): Promise<Candidate[]> | Candidate[] {
  return skill === undefined ? index.like(text) : index.withSkill(skill);
}

/** The set's agents again and again, under other names and versions, each with two instances. */
function crowd(count: number): Lane[] {
  const cards = benchmarkCards();
  return Array.from({ length: count }, (_, at) => {
    const card = cards[at % cards.length]!;
    const name = `${card.name}${at}`;
    const version = `1.${at % 7}.0`;
    const instances = new Map(
      ["a", "b"].map((instance) => [
        instance,
        instanceOf(name, instance, version),
      ]),
    );
    return new Lane({ ...card, name, version }, instances);
  });
}

const instanceOf = (
  agent: string,
  instance: string,
  version: string,
): InstanceCard => ({
  agent,
  instance,
  version,
  lane: "main",
  card: "",
  skills: [],
  labels: { region: "eu" },
  weight: 1,
  state: "ready",
  concurrency: 16,
  running: 3,
  done: 1,
  failed: 0,
  latencyMs: 12,
  startedAt: "",
  pid: 1,
});

// The benchmark's section on routing by plain words: accuracy on both halves of the set, and the time of a
// decision among many agents.
import { measureAccuracy, measureSpeed } from "./measure.js";
import { benchmarkCards, halves } from "./set.js";

const aims = { top1: 0.85, p99Ms: 1 };

export async function routingSection(options: {
  quick: boolean;
  json: boolean;
}): Promise<string> {
  const accuracies = halves.map(measureAccuracy);
  const decisions = options.quick ? 2_000 : 20_000;
  const speed = await measureSpeed({ agents: 500, decisions });
  if (options.json)
    return [...accuracies, speed]
      .map((each) => JSON.stringify({ section: "routing", ...each }))
      .join("\n");
  const cards = benchmarkCards();
  const skills = cards.reduce((sum, card) => sum + card.skills.length, 0);
  return [
    `Routing by plain words, ${skills} skills of ${cards.length} agents (bench/routing)`,
    "",
    ...accuracies.map(
      ({ half, requests, top1, top3 }) =>
        `${half.padEnd(8)} ${requests} requests   the first is right ${percent(top1)}${half === "untuned" ? ` (aim ${percent(aims.top1)}, ${top1 >= aims.top1 ? "met" : "missed"})` : ""}   among the first three ${percent(top3)}`,
    ),
    `a decision among ${speed.agents} agents, ${speed.skills} skills: p50 ${speed.p50Ms.toFixed(3)} ms, p99 ${speed.p99Ms.toFixed(3)} ms (aim < ${aims.p99Ms} ms, ${speed.p99Ms < aims.p99Ms ? "met" : "missed"}), of processor time p99 ${speed.p99ProcessorMs.toFixed(3)} ms`,
  ].join("\n");
}

const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;

// Whether whom a plan calls is there: by the cards of agents, where they are at hand.
import type { AgentCard } from "../card.js";
import { messageOf } from "../errors.js";
import { nearest } from "../nearest.js";
import {
  describeNeed,
  needIn,
  parseNeed,
  splitNames,
  type Need,
} from "../need.js";
import { encodeToken, queueToken } from "../tokens.js";
import { fitsRange } from "../versions.js";
import { pathTo } from "../schema.js";
import type { Place } from "./expression.js";
import {
  fieldsOf,
  isObject,
  type Outline,
  type PlanProblem,
} from "./outline.js";

/** Throws ARGUMENT_INVALID for what names nobody. */
export function needOfTarget(target: unknown): Need {
  if (typeof target !== "string") return parseNeed(target);
  return needIn(target) ?? splitNames(target);
}

/** As people read it. */
export const targetInWords = (target: unknown): string =>
  describeNeed(needOfTarget(target));

export function* checkSkills(
  { nodes }: Outline,
  cards: readonly AgentCard[] | undefined,
): Generator<PlanProblem> {
  const known = new Map<string, string | undefined>();
  for (const node of nodes)
    for (const { at, target } of targetsOf(fieldsOf(node))) {
      const key = JSON.stringify(target);
      if (!known.has(key)) known.set(key, problemOf(target, cards));
      const message = known.get(key);
      if (message !== undefined) yield { path: pathTo(node.path, at), message };
    }
}

/** As they are written; what cannot be a target has been told of. */
function targetsOf(
  fields: Record<string, unknown>,
): { at: Place; target: unknown }[] {
  const { call, undo, vote } = fields;
  const targets: { at: Place; target: unknown }[] = [
    { at: ["call"], target: call },
  ];
  if (isObject(undo))
    targets.push({ at: ["undo", "call"], target: undo["call"] });
  if (Array.isArray(vote))
    vote.forEach((voter: unknown, place) =>
      targets.push(
        isObject(voter)
          ? { at: ["vote", place, "call"], target: voter["call"] }
          : { at: ["vote", place], target: voter },
      ),
    );
  return targets.filter(
    ({ target }) =>
      isObject(target) || (typeof target === "string" && target !== ""),
  );
}

function problemOf(
  target: unknown,
  cards: readonly AgentCard[] | undefined,
): string | undefined {
  let need: Need;
  try {
    need = needOfTarget(target);
    if (need.agent !== undefined) queueToken(need.agent);
    if (need.skill !== undefined) encodeToken(need.skill, "skill");
  } catch (error) {
    return messageOf(error);
  }
  if (cards === undefined || need.skill === undefined) return undefined;
  const { agent, skill, version } = need;
  const ofAgent =
    agent === undefined ? cards : cards.filter(({ name }) => name === agent);
  if (ofAgent.length === 0) {
    const agents = [...new Set(cards.map(({ name }) => name))];
    return `unknown agent "${agent}"${hint(agent!, agents)}`;
  }
  const having = ofAgent.filter(({ skills }) =>
    skills.some(({ id }) => id === skill),
  );
  if (having.length === 0) {
    const skills = [
      ...new Set(ofAgent.flatMap((card) => card.skills.map(({ id }) => id))),
    ];
    return agent === undefined
      ? `no agent has a skill "${skill}"${hint(skill, skills)}`
      : `agent "${agent}" has no skill "${skill}"${hint(skill, skills)}`;
  }
  if (
    version === undefined ||
    having.some((card) => fitsRange(card.version, version))
  )
    return undefined;
  const versions = having.map((card) => card.version).join(", ");
  return `nobody has "${skill}" in version ${version}; there is ${versions}`;
}

const mostShown = 20;

function hint(word: string, known: readonly string[]): string {
  const near = nearest(word, known);
  if (near !== undefined) return `: did you mean "${near}"?`;
  if (known.length === 0) return "; there is none yet";
  const shown = known.slice(0, mostShown).join(", ");
  return `; expected one of ${shown}${known.length > mostShown ? ", …" : ""}`;
}

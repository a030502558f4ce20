// Whether the signals that a plan waits for can be sent, and are told from the answers to what it asks: a signal that
// is named like an approval would be taken for its answer, or its answer for the signal, and one of them waits for ever.
import { messageOf } from "../errors.js";
import { encodeToken } from "../tokens.js";
import {
  fieldsOf,
  isObject,
  roundsAround,
  type Outline,
  type PlanProblem,
} from "./outline.js";

export function* checkSignals({ nodes }: Outline): Generator<PlanProblem> {
  const asking = new Map<string, string>();
  for (const node of nodes)
    if (node.kind === "approve" && node.name !== undefined)
      asking.set(`${node.name} ${roundsAround(node)}`, node.path);
  for (const node of nodes) {
    const { wait } = fieldsOf(node);
    const signal = isObject(wait) ? wait["signal"] : undefined;
    if (typeof signal !== "string" || signal === "") continue;
    const rounds = roundsAround(node);
    const path = `${node.path}.wait.signal`;
    const unfit = unfitIn(signal, rounds);
    if (unfit !== undefined) yield { path, message: unfit };
    const { name, rounds: own } = withoutRounds(signal);
    const other = asking.get(`${name} ${own + rounds}`);
    if (other !== undefined)
      yield {
        path,
        message: `"${signal}" is the name of the answer to ${other}; expected one of its own`,
      };
  }
}

/** Why there can be no signal of this name. */
function unfitIn(signal: string, rounds: number): string | undefined {
  try {
    encodeToken(signal + "[0]".repeat(rounds), "signal");
    return undefined;
  } catch (error) {
    return `${messageOf(error)}; expected a name that a subject can carry`;
  }
}

/** "ok[2]" is what an approval "ok" is called in a round of a map. */
function withoutRounds(signal: string): { name: string; rounds: number } {
  const name = signal.replace(/(\[(0|[1-9]\d*)\])+$/, "");
  return { name, rounds: signal.slice(name.length).split("[").length - 1 };
}

// What is needed, as people write it on the command line: a word, or plain words, and what more is asked.
import { toNeed } from "../bus/tasks/target.js";
import { parseNeed, strategies, type Need } from "../protocol/need.js";
import { wrongUsage } from "./exit.js";
import { oneOf, toLabels } from "./values.js";
import type { Call, Options } from "./verb.js";

export const needOptions: Options = {
  text: {
    type: "string",
    value: "WORDS",
    help: "what is to be done, in plain words, instead of a NEED",
  },
  label: {
    type: "string",
    value: "NAME=VALUE",
    multiple: true,
    help: "which all its instances must have; may be given several times",
  },
  tag: {
    type: "string",
    value: "TAG",
    multiple: true,
    help: "which the skill must have; may be given several times",
  },
  prefer: {
    type: "string",
    value: "STRATEGY",
    help: `${strategies.join(", ")} (default pull)`,
  },
};

/** Of the word at this place, or of --text. */
export function needFrom(call: Call, at: number): Need {
  const text = call.text("text");
  const word = call.words[at];
  if ((text === undefined) === (word === undefined))
    throw wrongUsage("say a NEED or --text WORDS, one of them: see --help");
  return {
    ...(word === undefined ? { text: text! } : toNeed(word)),
    ...moreFrom(call),
  };
}

/**
 * Whom a word at this place names, or what it, or --text in its place, says is needed; and where the words go on. A plain
 * "agent.skill" names its agent, unless more is asked.
 */
export function targetFrom(
  call: Call,
  at: number,
): { target: string | Need; next: number } {
  const text = call.text("text");
  const more = moreFrom(call);
  if (text !== undefined) {
    if (call.words.length > at + 1)
      throw wrongUsage(
        "say AGENT.SKILL or --text WORDS, one of them: see --help",
      );
    return { target: parseNeed({ text, ...more }), next: at };
  }
  const word = call.word(at, "AGENT.SKILL");
  const need = toNeed(word);
  const isPlain = Object.keys(more).length === 0;
  return { target: isPlain ? word : { ...need, ...more }, next: at + 1 };
}

/** What is asked beside a skill or words. */
function moreFrom(call: Call): Omit<Need, "skill" | "text" | "agent"> {
  const tags = call.texts("tag");
  const labels = toLabels(call.texts("label"));
  const prefer = call.text("prefer");
  return {
    ...(tags.length > 0 ? { tags } : {}),
    ...(labels === undefined ? {} : { labels }),
    ...(prefer === undefined
      ? {}
      : { prefer: oneOf("strategy", prefer, strategies) }),
  };
}

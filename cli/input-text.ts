// What a task was given, for people: of one that runs a plan which plan that is, and not all of its JSON.
import { isObject } from "../protocol/plan/outline.js";
import { orchestratorName, planSkillName } from "../protocol/subjects.js";
import { shorten } from "./table.js";

interface Given {
  agent: string;
  skill: string;
  input?: unknown;
}

const longest = 1_000;

/** As JSON, of which people see the beginning. */
export function jsonText(value: unknown): string | undefined {
  const text = JSON.stringify(value);
  return text === undefined ? undefined : cutText(text);
}

/** It says how much there is, and how to see it. */
export function cutText(text: string): string {
  if (text.length <= longest) return text;
  const count = text.length.toLocaleString("en");
  return `${text.slice(0, longest)}… (${count} characters; in full with --json)`;
}

/** Named rows; none where nothing is known of it. */
export function inputRows(given: Given): [name: string, text: string][] {
  const { input } = given;
  const rows: [string, unknown][] =
    runsPlan(given) && isObject(input)
      ? [
          ["plan", planText(input["plan"])],
          ["input", jsonText(input["input"])],
          ["params", paramsText(input["params"])],
        ]
      : [["input", jsonText(input)]];
  return rows.flatMap(([name, text]) =>
    typeof text === "string" ? [[name, text]] : [],
  );
}

/** Hardly any plan has some. */
function paramsText(params: unknown): string | undefined {
  const isEmpty = isObject(params) && Object.keys(params).length === 0;
  return isEmpty ? undefined : jsonText(params);
}

export const runsPlan = ({ agent, skill }: Given): boolean =>
  agent === orchestratorName && skill === planSkillName;

/** `article@3`, or of one that was given as it stands its name and its steps. */
function planText(plan: unknown): string | undefined {
  if (typeof plan === "string" || !isObject(plan))
    return typeof plan === "string" ? plan : JSON.stringify(plan);
  const { name, steps } = plan;
  const names = Array.isArray(steps)
    ? steps.map((step: unknown) => nameOf(step) ?? "?")
    : [];
  const named = nameOf({ name }) ?? "without a name";
  return `${named}: ${shorten(names.join(", "), 200)} (in full with --json)`;
}

function nameOf(value: unknown): string | undefined {
  const name: unknown = isObject(value) ? value["name"] : undefined;
  return typeof name === "string" ? name : undefined;
}

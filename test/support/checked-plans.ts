// Plans that are checked without a bus.
import assert from "node:assert/strict";
import { agentCard } from "../../protocol/card.js";
import { checkPlan } from "../../protocol/plan/check.js";

export type Steps = readonly Record<string, unknown>[];

export const call = (name: string, more: object = {}) => ({
  name,
  call: "writer.write",
  ...more,
});
export const ref = (text: string) => ({ ref: text });
/** What is said of a plan with these steps. */
export const problems = (steps: Steps, more: object = {}) =>
  checkPlan({ steps, ...more }).map(
    ({ path, message }) => `${path}: ${message}`,
  );

/** One thing is said, and that. */
export function only(said: readonly string[], wanted: RegExp): void {
  assert.equal(said.length, 1, said.join("\n"));
  assert.match(said[0]!, wanted);
}

/** Of an agent "writer" that writes and shortens. */
export const cards = [
  agentCard.parse({
    name: "writer",
    description: "",
    version: "2.1.0",
    lane: "main",
    skills: [
      { id: "write", name: "write", description: "", inputSchema: {} },
      { id: "shorten", name: "shorten", description: "", inputSchema: {} },
    ],
  }),
];

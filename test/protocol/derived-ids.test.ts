import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { childId, fallbackId, redriveId } from "../../protocol/derived-ids.js";
import { encodeToken } from "../../protocol/tokens.js";

type Step = (of: { agent: string; taskId: string }) => string;

const number = fc.integer({ min: 0, max: 3 });
const name = fc.oneof(
  fc.constantFrom("x", "0", "~", "x~0", "redrive-1", "fallback", "%7e", "1-2"),
  fc.string({ unit: "grapheme", minLength: 1, maxLength: 60 }),
  fc.string({ minLength: 190, maxLength: 210 }),
);
const step = fc.oneof(
  fc
    .tuple(number, number)
    .map(([run, place]): [string, Step] => [
      `child ${run} ${place}`,
      (of) => childId(of, run, place),
    ]),
  fc.constant<[string, Step]>(["fallback", fallbackId]),
  number.map((letter): [string, Step] => [
    `redrive ${letter}`,
    ({ taskId }) => redriveId(taskId, letter),
  ]),
);
/** Steps down from a task, with the agent of each task that something follows from. */
const way = fc.array(fc.tuple(name, step), { minLength: 1, maxLength: 4 });

function derive(
  root: string,
  steps: typeof way extends fc.Arbitrary<infer Way> ? Way : never,
) {
  let taskId = root;
  const said: unknown[] = [root];
  for (const [agent, [what, next]] of steps) {
    taskId = next({ agent, taskId });
    said.push(what.startsWith("redrive") ? [what] : [agent, what]);
  }
  return { taskId, said: JSON.stringify(said) };
}

const root = fc.constantFrom("x", "x-1", "1", "a.b", "é".repeat(30));

test("ids that are derived in different ways differ, whatever the agents, runs, places and depths", () => {
  const known = new Map<string, string>();
  fc.assert(
    fc.property(root, way, (from, steps) => {
      const { taskId, said } = derive(from, steps);
      assert.equal(known.get(taskId) ?? said, said);
      known.set(taskId, said);
    }),
    { numRuns: 5_000 },
  );
});

test("a derived id fits into a subject, however long what it follows from is", () => {
  fc.assert(
    fc.property(name, way, (from, steps) => {
      assert.ok(encodeToken(derive(from, steps).taskId).length <= 200);
    }),
  );
});

test("a derived id says what it follows from", () => {
  const task = { agent: "billing", taskId: "order-7" };
  assert.equal(childId(task, 0, 3), "order-7~billing~3");
  assert.equal(childId(task, 2, 3), "order-7~billing~2-3");
  assert.equal(fallbackId(task), "order-7~billing~fallback");
  assert.equal(redriveId(task.taskId, 12), "order-7~redrive-12");
});

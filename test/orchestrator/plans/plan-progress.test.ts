// What a plan tells of how far it is.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TaskEvent } from "../../../index.js";
import { deskBus, ref, say } from "../../support/desk-bus.js";

const at = deskBus();
const value = (name: string) => ({ name, value: 1 });

/** What is told of a plan with these steps; it waits for somebody to listen. */
async function told(steps: readonly object[], input: unknown) {
  const wait = { name: "w", wait: { signal: "go" } };
  const task = await at.bus.plans.run({ steps: [wait, ...steps] }, { input });
  const found: NonNullable<TaskEvent["progress"]>[] = [];
  const events = task.events({ timeout: "20s" })[Symbol.asyncIterator]();
  let next = events.next(); // it listens
  await task.signal("go", null);
  for (;;) {
    const { done, value } = await next;
    if (done === true) break;
    if (value.progress) found.push(value.progress);
    next = events.next();
  }
  return { task, found };
}

test("a plan that completes comes to its total, whatever branches it takes and however long its maps are", async () => {
  const inner = { name: "in", steps: [value("a"), value("b")] };
  const each = { name: "each", map: [1, 2, 3], do: [say("m", {}), inner] };
  const steps = [
    each,
    {
      name: "which",
      when: { eq: [ref("input.n"), 1] },
      do: [{ name: "more", parallel: [value("c"), value("d")] }],
      else: [{ name: "others", map: [1], do: [value("e")] }, value("f")],
    },
    { name: "if", when: { eq: [ref("input.n"), 1] }, do: [value("g")] },
  ];
  for (const n of [1, 2]) {
    const { found } = await told(steps, { n });
    const last = found.at(-1)!;
    assert.deepEqual([last.progress, last.total], [10, 10], String(n));
    for (const { progress, total } of found) assert.ok(progress <= total!);
  }
});

test("what is shown with a question may be larger than a message", async () => {
  const large = "x".repeat(400_000);
  const steps = [
    {
      name: "ok",
      approve: { template: "Well? ${input.large}" },
      show: [ref("input.large"), ref("input.large"), ref("input.large")],
    },
  ];
  const task = await at.bus.plans.run({ steps }, { input: { large } });
  await at.bus.plans.answer(task.id, "ok", { approved: true });
  assert.deepEqual(await task.result(), { approved: true });
  const [question] = (await at.bus.journal(task.id)).entries.filter(
    (entry) => entry.kind === "done" && entry.name === "ok",
  );
  const { show } = (question as { value: { show: unknown } }).value;
  assert.deepEqual(show, [large, large, large]);
});

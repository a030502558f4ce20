// Several instances of a stateful agent: who handles the events of a context.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Bus } from "../../../index.js";
import { eventually } from "../../support/eventually.js";
import { sharedServer } from "../../support/shared-server.js";
import { tally } from "../../support/tally.js";

const shared = sharedServer();
const contexts = Array.from({ length: 24 }, (_, n) => `c${n}`);
const each = 6;

/** Who handled the events of each context, in their order, of one round of events. */
async function round(bus: Bus): Promise<string[][]> {
  const ids = await Promise.all(
    contexts.map(async (id) => {
      const tasks = [];
      for (let n = 0; n < each; n++) {
        const task = await bus.context(tally, id).send({ type: "ADD", n });
        await task.result();
        tasks.push(task.id);
      }
      return tasks;
    }),
  );
  const by = new Map<string, string>();
  for await (const { taskId, instance } of bus.replay({ agent: "tally" }))
    by.set(taskId, instance!);
  return ids.map((tasks) => tasks.map((id) => by.get(id)!));
}

const changesIn = (instances: string[]) =>
  instances.filter((each, at) => at > 0 && each !== instances[at - 1]).length;

test("the events of a context come to one instance, and the contexts are dealt out to all", async (t) => {
  const bus = await shared.connect(t);
  for (let n = 0; n < 3; n++) await (await shared.connect(t)).serve(tally);
  // At first they do not know of each other; and one that is slow misses its turn now and then.
  await eventually(
    async () => {
      const handled = await round(bus);
      const changes = handled.reduce((sum, each) => sum + changesIn(each), 0);
      return changes < 12 && new Set(handled.flat()).size === 3;
    },
    { what: "a round without detours", timeoutMs: 30_000 },
  );
});

test("when an instance goes, the others take its contexts at once", async (t) => {
  const bus = await shared.connect(t);
  const [, ...others] = [
    await (await shared.connect(t)).serve(tally),
    await (await shared.connect(t)).serve(tally),
    await (await shared.connect(t)).serve(tally),
  ];
  await round(bus);
  for (const worker of others) {
    await worker.drain();
    const handled = await round(bus);
    assert.ok(!handled.flat().includes(worker.instance));
  }
});

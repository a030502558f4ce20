// Loops without an end that take signals: what they have used up goes, and counts once all the same.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Link } from "../../../bus/connection/connection.js";
import { readJournal } from "../../../bus/journal/journal.js";
import { readSignals } from "../../../bus/journal/signals.js";
import { eventually } from "../../support/eventually.js";
import { serveSaga } from "../../support/saga.js";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();
const task = { agent: "saga", taskId: "loop" };

/** Takes a signal each time that it begins anew, and ends with what it took. */
const takesOne = async (
  loop: Parameters<Parameters<typeof serveSaga>[1]>[0],
  before: unknown,
) => {
  const { taken, names } = before as { taken: unknown[]; names: string[] };
  const [name = "end", ...others] = names;
  const all = [...taken, await loop.waitFor(name)];
  if (name === "end") return all;
  return loop.continueAs({ taken: all, names: others });
};

const input = (...names: string[]) => ({ taken: [], names });

async function continued(link: Link) {
  const { entries } = await readJournal(link, task);
  const [first] = entries;
  return first?.kind === "continued" ? first : undefined;
}

test("a signal that is used up goes when its task begins anew, and counts once all the same", async (t) => {
  const bus = await shared.connect(t);
  const link = await shared.link(t);
  await serveSaga(bus, takesOne);
  const loop = await bus.submit("saga.run", input("go", "go", "go"), {
    id: task.taskId,
  });
  assert.equal(await loop.signal("go", 1, { id: "a" }), true);
  assert.equal(await loop.signal("go", 2, { id: "b" }), true);
  await eventually(async () => (await continued(link))?.run === 2);
  await eventually(async () => (await readSignals(link, task)).length === 0);
  assert.equal(await loop.signal("go", 3, { id: "a" }), false);
  assert.equal(await loop.signal("go", 4, { id: "c" }), true);
  await loop.signal("end", 5);
  assert.deepEqual(await loop.result(), [1, 2, 4, 5]);
});

test("a signal that comes before its wait outlives that its task begins anew", async (t) => {
  const bus = await shared.connect(t);
  await serveSaga(bus, takesOne);
  const loop = await bus.submit("saga.run", input("go", "go", "other"), {
    id: task.taskId,
  });
  await loop.signal("end", "end");
  await loop.signal("other", "other");
  for (const n of [1, 2]) await loop.signal("go", n);
  assert.deepEqual(await loop.result(), [1, 2, "other", "end"]);
});

test("names of signals that are used once do not pile up in the journal", async (t) => {
  const bus = await shared.connect(t);
  const link = await shared.link(t);
  await serveSaga(bus, takesOne);
  const names = Array.from({ length: 20 }, (_, n) => `n${n}`);
  const loop = await bus.submit("saga.run", input(...names), {
    id: task.taskId,
  });
  for (const name of names) {
    await loop.signal(name, name);
    await eventually(async () => (await readSignals(link, task)).length === 0);
  }
  assert.ok(((await continued(link))?.taken ?? []).length < 12);
  await loop.signal("end", "end");
  assert.deepEqual(await loop.result(), [...names, "end"]);
});

test("a signal that is used up counts once, though a replica that lags behind shows it once more", async (t) => {
  const bus = await shared.connect(t);
  const link = await shared.link(t);
  await serveSaga(bus, takesOne);
  const loop = await bus.submit("saga.run", input("go", "then", "then", "go"), {
    id: task.taskId,
  });
  await loop.signal("go", 1);
  await eventually(async () => (await continued(link))?.run === 1);
  const run = async (n: number) => {
    await loop.signal("then", n);
    await eventually(async () => (await continued(link))?.run === n);
    await eventually(async () => (await readSignals(link, task)).length === 0);
  };
  await run(2);
  await run(3);
  // Whoever takes it up now and is shown the signal finds that its place was passed.
  const first = await continued(link);
  assert.ok(first?.taken?.some(([name]) => name === "go"));
  await loop.signal("go", 4);
  await loop.signal("end", 5);
  assert.deepEqual(await loop.result(), [1, 2, 3, 4, 5]);
});

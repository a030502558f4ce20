import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../../support/eventually.js";
import { serveSaga } from "../../support/saga.js";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();

test("what is done while the journal is full is recorded when there is room, and not done again", async (t) => {
  const bus = await shared.connect(t);
  const doneAt: number[] = [];
  const { runs } = await serveSaga(bus, (task) =>
    task.step("a", () => {
      doneAt.push(performance.now());
      return "done";
    }),
  );
  const { jsm, subjects } = await shared.link(t);
  const { journal } = subjects.streams;
  await jsm.streams.update(journal, { max_bytes: 1 });
  const task = await bus.submit("saga.run", {});
  await eventually(() => doneAt.length > 0);
  // A task that was given back would have come again by then.
  await eventually(() => performance.now() - doneAt[0]! > 1_500);
  await jsm.streams.update(journal, { max_bytes: -1 });
  assert.equal(await task.result(), "done");
  assert.equal(doneAt.length, 1);
  assert.equal(runs(), 1);
});

test("a task that cannot continue while the journal is full has not crashed, and goes on when there is room", async (t) => {
  const bus = await shared.connect(t);
  const { jsm, subjects } = await shared.link(t);
  const { journal } = subjects.streams;
  const { runs } = await serveSaga(
    bus,
    async (task, input) => {
      await task.step("a", () => 1);
      if (input === "over") return input;
      await jsm.streams.update(journal, { max_bytes: 1 });
      return task.continueAs("over");
    },
    { retry: { attempts: 1, crashes: 2 } },
  );
  const task = await bus.submit("saga.run", "begin");
  await eventually(() => runs() === 4); // more often than a worker may die of it
  // Its handler fills the journal as long as it is run.
  const room = setInterval(() => {
    jsm.streams.update(journal, { max_bytes: -1 }).catch(() => undefined);
  }, 1);
  t.after(() => clearInterval(room));
  assert.equal(await task.result({ timeout: "20s" }), "over");
});

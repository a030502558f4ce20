// The child of a task whose worker has died before anything was done, and that is canceled then.
import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { emptyJournal } from "../../../bus/journal/journal.js";
import { JournalWriter } from "../../../bus/journal/journal-writer.js";
import { Publisher } from "../../../bus/streams/publisher.js";
import { agent, skill } from "../../../index.js";
import { quiet } from "../../support/doer.js";
import { eventually } from "../../support/eventually.js";
import { serveSaga } from "../../support/saga.js";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();

test("a child is canceled with a parent that has done nothing but wait, and whose worker has died", async (t) => {
  const bus = await shared.connect(t);
  const link = await shared.link(t);
  const child = skill({
    description: "Waits",
    input: z.unknown(),
    run: (_, task) => task.waitFor("go"),
  });
  await bus.serve(agent("child", { skills: { wait: child } }), quiet);
  const serve = () =>
    serveSaga(bus, (task) => {
      task.call("child.wait", {}).catch(() => undefined);
      return task.waitFor("go");
    });
  await (await serve()).worker.drain();
  const parent = await bus.submit("saga.run", {}, { id: "p" });
  // What the dead one has left: a wait that it has begun, and its child.
  const name = { agent: "saga", taskId: "p" };
  const publisher = new Publisher(link);
  const writer = new JournalWriter(link, publisher, name, emptyJournal);
  const begun = { kind: "begun", op: 1, type: "signal", name: "go" } as const;
  const at = link.clock.now();
  await writer.append([{ ...begun, at, until: at + 3_600_000 }]);
  await bus.submit("child.wait", {}, { id: "p~saga~0" });
  await parent.cancel("enough");
  await serve();
  await assert.rejects(parent.result(), { code: "TASK_CANCELED" });
  const orphan = bus.task("p~saga~0");
  await eventually(async () => (await orphan.state()) === "canceled");
});

test("a call that has completed unheard, because the worker of its parent was dead, is undone when that is canceled", async (t) => {
  const bus = await shared.connect(t);
  const link = await shared.link(t);
  const book = skill({
    description: "Books at once",
    input: z.unknown(),
    run: () => "a room",
  });
  await bus.serve(agent("child", { skills: { book } }), quiet);
  const undone: unknown[] = [];
  const serve = () =>
    serveSaga(bus, (task) =>
      task.call("child.book", {}, { undo: (room) => undone.push(room) }),
    );
  await (await serve()).worker.drain();
  const parent = await bus.submit("saga.run", {}, { id: "q" });
  // What the dead one has left: a call that it has begun.
  const name = { agent: "saga", taskId: "q" };
  const publisher = new Publisher(link);
  const writer = new JournalWriter(link, publisher, name, emptyJournal);
  const begun = { kind: "begun", op: 0, type: "call" } as const;
  const at = link.clock.now();
  await writer.append([
    { ...begun, name: "child.book", at, agent: "child", skill: "book" },
  ]);
  await bus.call("child.book", {}, { id: "q~saga~0" });
  await parent.cancel("enough");
  await serve();
  await assert.rejects(parent.result(), { code: "TASK_CANCELED" });
  assert.deepEqual(undone, ["a room"]);
  const { entries } = await bus.journal("q");
  assert.deepEqual(
    entries.map(({ kind }) => kind),
    ["begun", "done", "undoing", "undone"],
  );
});

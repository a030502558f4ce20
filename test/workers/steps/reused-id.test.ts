// A task whose id an earlier one had, of which nothing is known any more but what it has left beside the journal: that
// is not the new one's.
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { Publisher } from "../../../bus/streams/publisher.js";
import type { TaskContext } from "../../../index.js";
import { encodeBody } from "../../../protocol/codec.js";
import { encodeHeaders } from "../../../protocol/headers.js";
import { eventually } from "../../support/eventually.js";
import { serveSaga } from "../../support/saga.js";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();

/** As if it had aged out. */
async function ageOut(t: TestContext): Promise<void> {
  const { jsm, subjects } = await shared.link(t);
  await eventually(
    async () =>
      (await jsm.streams.info(subjects.queue("saga"))).state.messages === 0,
  );
  await jsm.streams.purge(subjects.streams.events);
}

/** Under a message id of its own: its queue remembers that of the first for a while. */
async function again(t: TestContext, input: unknown): Promise<void> {
  const link = await shared.link(t);
  const address = { level: "normal", lane: "main", skill: "run" } as const;
  const subject = link.subjects.task({
    ...address,
    agent: "saga",
    taskId: "t",
  });
  const params = { name: "run", arguments: input };
  const request = { jsonrpc: "2.0", id: "t", method: "tools/call", params };
  const headers = encodeHeaders({ maybeKnown: "1" });
  await new Publisher(link).store(subject, headers, encodeBody(request));
}

test("it begins anew, also where its first attempt did nothing durably and the next is far off", async (t) => {
  const bus = await shared.connect(t);
  const handler = async (task: TaskContext, input: unknown) => {
    const { say, fails } = input as { say: string; fails: boolean };
    if (fails && task.attempt === 1) throw new Error("once more");
    return task.step("say", () => say);
  };
  const retry = { attempts: 2, first: "2500ms", backoff: "constant" } as const;
  await serveSaga(bus, handler, { retry });
  const first = { say: "first", fails: false };
  assert.equal(await bus.call("saga.run", first, { id: "t" }), "first");
  await ageOut(t);
  const result = bus.task("t").result({ timeout: "30s" });
  await again(t, { say: "second", fails: true });
  assert.equal(await result, "second");
});

test("it is not canceled because the first was", async (t) => {
  const bus = await shared.connect(t);
  const handler = async (task: TaskContext, input: unknown) => {
    await task.step("a", () => 1);
    if (input === "first") await task.waitFor("go");
    await task.sleep("1600ms");
    return "done";
  };
  const { worker } = await serveSaga(bus, handler);
  const task = await bus.submit("saga.run", "first", { id: "t" });
  await eventually(() => worker.counts.parked === 1);
  await task.cancel("enough");
  await assert.rejects(task.result(), { code: "TASK_CANCELED" });
  await ageOut(t);
  const result = bus.task("t").result({ timeout: "30s" });
  await again(t, "second");
  assert.equal(await result, "done");
});

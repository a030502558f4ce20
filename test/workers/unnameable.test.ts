// Tasks of bare clients whose names fit into no subject of ours: they cannot even be ended.
import assert from "node:assert/strict";
import { test } from "node:test";
import { doer, quiet } from "../support/doer.js";
import { eventually } from "../support/eventually.js";
import { sharedServer } from "../support/shared-server.js";

const shared = sharedServer();

test("a task whose id fits into no subject leaves its queue, and its worker goes on", async (t) => {
  const bus = await shared.connect(t);
  const link = await shared.link(t);
  const bare = await shared.bare(t);
  const done: unknown[] = [];
  const agent = doer((input) => done.push(input));
  await bus.serve(agent, quiet);
  const body = JSON.stringify({
    jsonrpc: "2.0",
    id: 1,
    method: "tools/call",
    params: { name: "do", arguments: "bare" },
  });
  const to = `${bus.namespace}.task.normal.doer.main.do`;
  const keyed = `${bus.namespace}.keyed.doer.main.k`;
  for (const id of ["n".repeat(300), "%ff".repeat(80), "$".repeat(100)])
    for (const place of [to, keyed]) await bare.request(`${place}.${id}`, body);
  const queue = link.subjects.queue("doer");
  await eventually(
    async () => (await link.jsm.streams.info(queue)).state.messages === 0,
  );
  await bus.call(agent.skills.do, "mine");
  assert.deepEqual(done, ["mine"]);
});

test("one that no worker takes keeps nobody from seeing the others", async (t) => {
  const bus = await shared.connect(t);
  const bare = await shared.bare(t);
  const agent = doer(() => 1);
  const worker = await bus.serve(agent, quiet);
  await worker.drain();
  await bus.orchestrate(quiet);
  await bus.submit(agent.skills.do, "mine", { id: "mine" });
  const to = `${bus.namespace}.task.normal.doer.main.do`;
  await bare.request(`${to}.${"n".repeat(300)}`, "{}");
  const listed = await bus.tasks();
  const { tasks: asked } = await bus.query.tasks();
  for (const tasks of [listed, asked])
    assert.deepEqual(
      tasks.map(({ taskId }) => taskId),
      ["mine"],
    );
});

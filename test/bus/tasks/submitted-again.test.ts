// A task that is submitted again, by its id, where the server does not know the id any more: it is one task all the same,
// and ends once.
import assert from "node:assert/strict";
import { test } from "node:test";
import { connect } from "../../../index.js";
import { doer, quiet } from "../../support/doer.js";
import { sharedServer } from "../../support/shared-server.js";
import { testServer } from "../../support/server.js";

const shared = sharedServer();
const id = "order-7";

test("one that has ended is not done again, and whoever calls it gets its result", async () => {
  await using server = await testServer();
  const place = { url: server.url, namespace: "t" };
  await using first = await connect(place);
  await using second = await connect(place);
  let done = 0;
  const echo = doer(() => ++done);
  await first.serve(echo, quiet);
  assert.equal(await first.call(echo.skills.do, {}, { id }), 1);
  await server.kill();
  await server.restart();
  assert.equal(await second.call(echo.skills.do, {}, { id }), 1);
  const again = await second.submit(echo.skills.do, {}, { id });
  assert.equal(again.duplicate, true);
  assert.equal(done, 1);
});

test("one whose message comes again all the same has no second end", async (t) => {
  const bus = await shared.connect(t);
  const echo = doer((input) => input);
  const worker = await bus.serve(echo, quiet);
  await bus.call(echo.skills.do, {}, { id });
  await worker.drain();
  const bare = await shared.bare(t);
  const subject = `${bus.namespace}.task.normal.doer.main.do.${id}`;
  const params = { name: "do", arguments: {} };
  const method = "tools/call";
  const request = { jsonrpc: "2.0", id, method, params };
  await bare.request(subject, JSON.stringify(request));
  assert.equal(await bus.task(id).cancel(), false);
  assert.equal(await bus.task(id).state(), "completed");
  const ends: string[] = [];
  for await (const { kind } of bus.replay({ task: id })) ends.push(kind);
  assert.deepEqual(ends, ["completed"]);
});

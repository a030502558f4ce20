// One of two agents that can do a thing is killed: callers who name the thing are not told, and need not be.
import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { agent, skill, type Need } from "../../index.js";
import { childWorker } from "../support/child-worker.js";
import { eventually } from "../support/eventually.js";
import { sharedServer } from "../support/shared-server.js";

const shared = sharedServer();
const standIn = agent("stand-in", {
  skills: {
    slow: skill({
      description: "Does what the child does",
      input: z.number(),
      run: () => ({ pid: process.pid }),
    }),
  },
});
const need: Need = { skill: "slow", prefer: "round-robin" };

test("after kill -9 of one agent the needs that it met go to the other, and its own tasks wait for it", async (t) => {
  const bus = await shared.connect(t);
  await bus.serve(standIn, { signals: false });
  const { url } = shared.server;
  const where = { url, namespace: shared.namespaceOf(t) };
  await using child = await childWorker(where);
  const caller = await shared.connect(t);
  const placesOf = async (count: number) => {
    const pids = new Set<number>();
    for (let done = 0; done < count; done++)
      pids.add(((await caller.call(need, 1)) as { pid: number }).pid);
    return pids;
  };
  await eventually(async () => (await caller.route(need)).fitting === 2);
  assert.deepEqual(await placesOf(4), new Set([process.pid, child.pid]));

  child.signal("SIGKILL");
  await child.ended;
  // Known or not, what goes there is lost no more than any other task.
  const waiting = await caller.submit(
    { agent: "child", skill: "slow", offline: true },
    1,
  );
  await eventually(async () => (await caller.route(need)).fitting === 1, {
    timeoutMs: 20_000,
  });
  assert.deepEqual(await placesOf(4), new Set([process.pid]));

  await using _again = await childWorker(where);
  await waiting.result({ timeout: "30s" });
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import { agent, connect, skill } from "../../../index.js";
import { testServer } from "../../support/server.js";

const climber = agent("a climber", {
  skills: {
    climb: skill({
      description: "Climbs",
      input: z.object({}),
      async run(_input, task) {
        for (let step = 1; ; step++) {
          await pause(10, undefined, { signal: task.signal });
          task.progress({ progress: step });
        }
      },
    }),
  },
});

test("progress of all tasks is seen live, with whose it is", async () => {
  await using server = await testServer();
  await using bus = await connect({ url: server.url });
  await using _worker = await bus.serve(climber, { signals: false });
  const task = await bus.submit(climber.skills.climb, {}, { id: "a task" });
  const seen: number[] = [];
  for await (const event of bus.progress({ agent: "a climber" })) {
    assert.equal(event.agent, "a climber");
    assert.equal(event.taskId, "a task");
    seen.push(event.progress?.progress ?? 0);
    if (seen.length === 3) break;
  }
  assert.equal(seen[1], seen[0]! + 1);
  assert.equal(seen[2], seen[0]! + 2);
  await task.cancel();
});

test("who watches progress hears that the connection is closed", async () => {
  await using server = await testServer();
  const bus = await connect({ url: server.url });
  const next = bus.progress().next();
  await bus.close();
  await assert.rejects(next, { code: "CONNECTION_CLOSED" });
});

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import {
  agent,
  connect,
  skill,
  type Bus,
  type TaskFilter,
  type TaskSummary,
} from "../../../index.js";
import { eventually } from "../../support/eventually.js";
import { testServer, type TestServer } from "../../support/server.js";

const sleeper = agent("a sleeper", {
  skills: {
    sleep: skill({
      description: "Sleeps",
      input: z.object({ ms: z.number(), name: z.string().optional() }),
      run: ({ ms, name }, task) => pause(ms, { name }, { signal: task.signal }),
    }),
  },
});
const { sleep } = sleeper.skills;
const other = agent("other", { skills: sleeper.skills });

describe("the list of tasks", () => {
  let server: TestServer;
  let bus: Bus;
  before(async () => {
    server = await testServer();
  });
  after(() => server.stop());

  const withBus =
    (namespace: string, work: () => Promise<void>) => async () => {
      bus = await connect({ url: server.url, namespace });
      try {
        await work();
      } finally {
        await bus.close();
      }
    };
  const ids = (tasks: TaskSummary[]) => tasks.map(({ taskId }) => taskId);

  test(
    "is empty at the start",
    withBus("empty", async () => {
      assert.deepEqual(await bus.tasks(), []);
      assert.equal(await bus.find("nothing"), undefined);
    }),
  );

  test(
    "has what waits in every queue, with what was said of it",
    withBus("waiting", async () => {
      await bus.submit(sleep, { ms: 1 }, { id: "plain", priority: "high" });
      await bus.submit(sleep, { ms: 2 }, { id: "keyed", key: "k" });
      await bus.submit(sleep, { ms: 3 }, { id: "timed", delay: "1h" });
      await bus.submit(other.skills.sleep, { ms: 4 }, { id: "another" });
      const tasks = await bus.tasks({ agent: "a sleeper" });
      assert.deepEqual(ids(tasks), ["plain", "keyed", "timed"]);
      const [plain, keyed, timed] = tasks;
      assert.equal(plain?.level, "high");
      assert.deepEqual(plain.input, { ms: 1 });
      assert.equal(keyed?.key, "k");
      assert.equal(keyed.skill, "sleep");
      assert.ok(timed!.dueAt!.getTime() > Date.now());
      assert.ok(tasks.every(({ state }) => state === "submitted"));
      assert.equal((await bus.tasks()).length, 4);
      assert.equal((await bus.find("timed"))?.taskId, "timed");
    }),
  );

  test(
    "has of an agent what is in one of its lanes, due or not",
    withBus("lanes", async () => {
      for (const lane of ["main", "next"])
        for (const [at, delay] of [{}, { delay: "1h" as const }].entries())
          await bus.submit(sleep, { ms: 1 }, { id: lane + at, lane, ...delay });
      const of = async (filter: TaskFilter) => ids(await bus.tasks(filter));
      assert.deepEqual(await of({ agent: "a sleeper" }), ["main0", "main1"]);
      const next = { agent: "a sleeper", lane: "next" };
      assert.deepEqual(await of(next), ["next0", "next1"]);
      assert.equal((await of({})).length, 4);
    }),
  );

  test(
    "tells what is in hand from what waits, even in its first attempt",
    withBus("in-hand", async () => {
      const serving = { concurrency: 1, signals: false, drain: 0 } as const;
      await bus.serve(sleeper, serving);
      const running = await bus.submit(sleep, { ms: 60_000 });
      await eventually(
        async () => (await bus.find(running.id))?.state === "working",
      );
      const keyed = await bus.submit(sleep, { ms: 1 }, { key: "k" });
      await running.cancel();
      await keyed.result();
      assert.equal((await bus.find(running.id))?.state, "canceled");
    }),
  );

  test(
    "has the newest ends, newest first, however many events lie between",
    withBus("ended", async () => {
      await bus.serve(sleeper, { signals: false });
      for (const name of ["one", "two", "three"])
        await bus.call(sleep, { ms: 0, name }, { id: name });
      await bus.serve(other, { signals: false });
      await Promise.all(
        Array.from({ length: 200 }, () =>
          bus.call(other.skills.sleep, { ms: 0 }),
        ),
      );
      const newest = await bus.tasks({ agent: "a sleeper", limit: 2 });
      assert.deepEqual(ids(newest), ["three", "two"]);
      assert.deepEqual(newest[0]?.output, { name: "three" });
      assert.equal((await bus.tasks()).length, 20);
      assert.equal((await bus.tasks({ limit: 300 })).length, 203);
    }),
  );

  test(
    "refuses a limit that is none",
    withBus("limit", async () => {
      await assert.rejects(bus.tasks({ limit: 0 }), {
        code: "ARGUMENT_INVALID",
      });
    }),
  );
});

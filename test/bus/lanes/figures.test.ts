import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { z } from "zod";
import { agent, skill, type Duration, type TaskEvent } from "../../../index.js";
import { eventually } from "../../support/eventually.js";
import { sharedServer } from "../../support/shared-server.js";
import { good, serveBoth, stumble, write } from "../../support/two-lanes.js";

const shared = sharedServer();

describe("lanes side by side", () => {
  test("show tells who serves them, what waits, and how tasks ended in each", async (t) => {
    const { bus } = await serveBoth(shared, t);
    await bus.lanes.split("writer", { main: 90, canary: 10 });
    const run = (count: number, lane: string, fail = false) =>
      Promise.allSettled(
        Array.from({ length: count }, () =>
          bus.call(write, { fail }, { lane }),
        ),
      );
    await run(8, "main");
    await run(3, "canary");
    await run(1, "canary", true);
    await bus.call(stumble, 0, { lane: "canary" });
    const { lanes, isSplit } = await bus.lanes.show("writer");
    assert.ok(isSplit);
    const [main, canary] = lanes;
    assert.deepEqual(
      lanes.map(({ lane }) => lane),
      ["main", "canary"],
    );
    assert.deepEqual(main?.versions, ["1.0.0"]);
    assert.deepEqual(canary?.versions, ["2.0.0"]);
    assert.equal(main.share, 0.9);
    assert.equal(canary.keyShare, 3 / 32);
    assert.equal(main.instances, 1);
    assert.deepEqual([main.completed, main.failed, main.errorRate], [8, 0, 0]);
    assert.deepEqual([canary.completed, canary.failed], [4, 1]);
    assert.equal(canary.errorRate, 0.2);
    assert.equal(canary.retryRate, 0.2);
    assert.ok(canary.p95Ms! >= canary.p50Ms!);
  });

  test("how long handlers take is told for each lane", async (t) => {
    const bus = await shared.connect(t);
    const pace = (ms: number) =>
      agent("pace", {
        skills: {
          walk: skill({
            description: "Takes its time",
            input: z.any(),
            run: () => new Promise((resolve) => setTimeout(resolve, ms)),
          }),
        },
      });
    await bus.serve(pace(20));
    await bus.serve(pace(200), { lane: "canary" });
    for (const lane of ["main", "canary"])
      await Promise.all(
        Array.from({ length: 5 }, () => bus.call("pace.walk", 0, { lane })),
      );
    const { lanes } = await bus.lanes.show("pace");
    const [main, canary] = lanes;
    assert.ok(main!.p50Ms! >= 19 && main!.p50Ms! < canary!.p50Ms!);
    assert.ok(canary!.p50Ms! >= 199);
  });

  test("only what ended within the window counts", async (t) => {
    const { bus } = await serveBoth(shared, t);
    await bus.call(write, good);
    const shown = async (window: Duration) =>
      (await bus.lanes.show("writer", { window })).lanes[0];
    assert.equal((await shown("1m"))?.completed, 1);
    await eventually(async () => (await shown(5))?.completed === 0);
    assert.equal((await shown(5))?.errorRate, undefined);
  });

  test("changes are on the log, newest first", async (t) => {
    const { bus } = await serveBoth(shared, t);
    await bus.lanes.split("writer", { main: 9, canary: 1 });
    await bus.lanes.promote("writer", "canary");
    await bus.lanes.rollback("writer");
    const { changes } = await bus.lanes.show("writer");
    assert.deepEqual(
      changes.map(({ action, weights }) => [action, weights]),
      [
        ["rollback", { main: 9, canary: 1 }],
        ["promote", { canary: 1 }],
        ["split", { main: 9, canary: 1 }],
      ],
    );
  });

  test("two who change it at a time both have their say, one after the other", async (t) => {
    const { bus, other } = await serveBoth(shared, t);
    await Promise.all([
      bus.lanes.split("writer", { main: 1, canary: 1 }),
      other.lanes.split("writer", { main: 2, canary: 1 }),
    ]);
    await bus.lanes.rollback("writer");
    const [weights] = [...(await bus.lanes.all()).values()];
    assert.ok(weights, "the one that came first is what it goes back to");
    await bus.lanes.rollback("writer");
    assert.equal((await bus.lanes.all()).size, 0);
  });

  test("events say in which lane a task with a key was handled", async (t) => {
    const { bus } = await serveBoth(shared, t);
    await bus.lanes.promote("writer", "canary");
    const task = await bus.submit(write, good, { key: "a" });
    await task.result();
    const events: TaskEvent[] = [];
    for await (const event of bus.replay({ task: task.id })) events.push(event);
    assert.equal(events.at(-1)?.lane, "canary");
  });
});

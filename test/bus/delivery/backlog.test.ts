import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { z } from "zod";
import { agent, skill } from "../../../index.js";
import { eventually } from "../../support/eventually.js";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();

/** One at a time, for as long as the gate is closed. */
function closedGate() {
  let open!: () => void;
  const opened = new Promise<void>((resolve) => (open = resolve));
  const porter = agent("porter", {
    skills: {
      pass: skill({
        description: "Waits at the gate",
        input: z.any(),
        run: () => opened,
      }),
    },
  });
  return { porter, open };
}

describe("the backlog", () => {
  test("an agent that nobody has ever served is refused, with the names of those that were", async (t) => {
    const bus = await shared.connect(t);
    const { porter } = closedGate();
    await bus.serve(porter);
    await assert.rejects(bus.backlog("portr"), {
      code: "AGENT_UNKNOWN",
      message: /^no agent "portr" .*known are "porter"/,
    });
    const nothing = { waiting: 0, inHand: 0, oldestMs: 0 };
    assert.deepEqual(await bus.backlog("porter"), nothing);
    assert.deepEqual(await bus.backlog("porter", "blue"), nothing);
  });

  test("it tells what waits apart from what is in hand, over all levels and keys, and for how long", async (t) => {
    const bus = await shared.connect(t);
    const { porter, open } = closedGate();
    await bus.serve(porter, { concurrency: 1 });
    const { pass } = porter.skills;
    const first = await bus.submit(pass, 0);
    await eventually(async () => (await bus.backlog("porter")).inHand === 1);
    assert.equal((await bus.backlog("porter")).oldestMs, 0);
    const others = await Promise.all([
      bus.submit(pass, 1, { priority: "high" }),
      bus.submit(pass, 2, { priority: "low" }),
      bus.submit(pass, 3, { priority: "low" }),
      bus.submit(pass, 4, { key: "a" }),
      bus.submit(pass, 5, { key: "a" }),
    ]);
    // A parked request may have brought one of each level over the slot; it goes back soon.
    await eventually(async () => {
      const { waiting, inHand } = await bus.backlog("porter");
      return waiting + inHand === 6 && inHand <= 4;
    });
    await eventually(
      async () => (await bus.backlog("porter")).oldestMs >= 300,
      { what: "an old task" },
    );
    open();
    await Promise.all([first, ...others].map((task) => task.result()));
    await eventually(async () => {
      const { waiting, inHand } = await bus.backlog("porter");
      return waiting === 0 && inHand === 0;
    });
  });

  test("each lane has its own", async (t) => {
    const bus = await shared.connect(t);
    const { porter, open } = closedGate();
    await bus.serve(porter, { lane: "blue", concurrency: 1 });
    const options = { lane: "blue" };
    const tasks = await Promise.all(
      [1, 2, 3].map((n) => bus.submit(porter.skills.pass, n, options)),
    );
    await eventually(
      async () => (await bus.backlog("porter", "blue")).waiting >= 1,
    );
    assert.equal((await bus.backlog("porter")).waiting, 0);
    open();
    await Promise.all(tasks.map((task) => task.result()));
  });
});

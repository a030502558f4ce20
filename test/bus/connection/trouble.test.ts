// What goes wrong around a consumer or on the log must not stop it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { agent, skill } from "../../../index.js";
import { z } from "zod";
import { PriorityConsumer } from "../../../bus/delivery/consumer.js";
import { consumerName, ensureConsumer } from "../../../bus/delivery/pull.js";
import { ensureQueue } from "../../../bus/streams/streams.js";
import { eventually } from "../../support/eventually.js";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();

test("every consumer whose consumer at the server was deleted goes on with a new one", async (t) => {
  const link = await shared.link(t);
  link.log.level = "silent";
  await ensureQueue(link, "a");
  const lanes = Array.from({ length: 40 }, (_, at) => `lane-${at}`);
  const seen = new Set<string>();
  for (const lane of lanes) {
    const pull = {
      stream: link.subjects.queue("a"),
      name: consumerName(lane, "normal"),
      filter: link.subjects.tasksOf("normal", "a", lane),
      ackWaitMs: 10_000,
      maxInHand: -1,
    };
    await ensureConsumer(link, pull);
    const consumer = new PriorityConsumer(link, 1, (delivery) => {
      seen.add(delivery.subject);
      delivery.acknowledge();
      consumer.release();
    });
    consumer.add(pull, 1);
    t.after(() => consumer.stop());
  }
  await link.flush();
  for (const lane of lanes)
    await link.jsm.consumers.delete(
      link.subjects.queue("a"),
      consumerName(lane, "normal"),
    );
  for (const lane of lanes)
    await link.js.publish(
      link.subjects.task({
        agent: "a",
        skill: "s",
        lane,
        level: "normal",
        taskId: "t",
      }),
      "x",
    );
  await eventually(() => seen.size === lanes.length, { timeoutMs: 20_000 });
});

test("a history that holds what is no event does not hold up its task", async (t) => {
  const bus = await shared.connect(t);
  const link = await shared.link(t);
  const echo = agent("echo", {
    skills: {
      say: skill({ description: "Says it", input: z.any(), run: () => "said" }),
    },
  });
  await bus.serve(echo, { signals: false });
  const event = { agent: "echo", taskId: "gg", kind: "attempt", origin: "x" };
  await link.js.publish(link.subjects.taskEvent(event), "garbage");
  assert.equal(await bus.call(echo.skills.say, 1, { id: "gg" }), "said");
});

test("dead letters too large for one page are all listed", async (t) => {
  const bus = await shared.connect(t);
  const link = await shared.link(t);
  const count = 100; // some 90 MB: the server sends less in one batch
  const large = Buffer.alloc(900_000, "x");
  for (let at = 0; at < count; at++)
    await link.js.publish(link.subjects.dead("a", "s", `t${at}`), large);
  let listed = 0;
  for await (const _letter of bus.deadLetters()) listed++;
  assert.equal(listed, count);
});

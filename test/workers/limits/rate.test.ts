import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { z } from "zod";
import { Bucket } from "../../../bus/buckets/bucket.js";
import { LogicalClock } from "../../../bus/connection/logical-clock.js";
import { Publisher } from "../../../bus/streams/publisher.js";
import { bucketSchema } from "../../../bus/buckets/token-bucket.js";
import { agent, skill } from "../../../index.js";
import type { RateRules } from "../../../workers/limits/options.js";
import { RatePolicy } from "../../../workers/limits/rate.js";
import { quiet } from "../../support/doer.js";
import { eventually } from "../../support/eventually.js";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();

async function policyOf(
  t: TestContext,
  rules: Partial<RateRules>,
  shiftMs = 0,
) {
  const link = await shared.link(t);
  const clock = { now: () => link.clock.now() + shiftMs };
  const policy = new RatePolicy(
    {
      link,
      publisher: new Publisher(link),
      clock: new LogicalClock(clock),
      agent: "a",
      skill: "s",
      lane: "main",
      instance: "i",
      patienceMs: 1_000,
      onFree: () => undefined,
      tell: () => undefined,
    },
    { limit: 1_000, perMs: 1_000, burst: 100, by: undefined, ...rules },
    0,
  );
  t.after(() => policy.stop());
  return { policy, link };
}

/** Takes as many tokens as there are for so long. */
async function takeFor(policy: RatePolicy, ms: number): Promise<number> {
  const until = performance.now() + ms;
  let taken = 0;
  await eventually(
    () => {
      policy.wanted("", 10);
      while (policy.isFree("")) {
        policy.enter("")("succeeded");
        taken++;
      }
      return performance.now() > until;
    },
    { timeoutMs: ms + 5_000 },
  );
  return taken;
}

test("parts are forgotten a while after their last task, here and in the bucket", async (t) => {
  const { policy, link } = await policyOf(t, {});
  const tenants = Array.from({ length: 300 }, (_, at) => `tenant ${at}`);
  for (const tenant of tenants) policy.wanted(tenant, 1);
  assert.equal(policy.parts, 300);
  const { limits } = link.subjects.buckets;
  const options = { ownTtls: true };
  const bucket = new Bucket(
    link,
    new Publisher(link),
    limits,
    bucketSchema,
    options,
  );
  await eventually(async () => (await bucket.entries("rate.>")).length > 0);
  await eventually(() => policy.parts === 0, { what: "an empty memory" });
  await eventually(async () => (await bucket.entries("rate.>")).length === 0, {
    what: "an empty bucket",
  });
});

test("an instance whose clock is an hour ahead, or behind, neither opens nor shuts the tap", async (t) => {
  const right = await policyOf(t, { limit: 50, burst: 25 });
  const ahead = await policyOf(t, { limit: 50, burst: 25 }, 3_600_000);
  const behind = await policyOf(t, { limit: 50, burst: 25 }, -3_600_000);
  await takeFor(right.policy, 200);
  await takeFor(ahead.policy, 200);
  const startedAt = performance.now();
  const taken = await Promise.all(
    [right, ahead, behind].map(({ policy }) => takeFor(policy, 1_500)),
  );
  const seconds = (performance.now() - startedAt) / 1_000;
  const sum = taken.reduce((total, one) => total + one, 0);
  assert.ok(
    sum <= 50 * seconds + 2 * 25,
    `${taken.join(" + ")} in ${seconds} s`,
  );
  assert.ok(sum >= 25, `${taken.join(" + ")} in ${seconds} s`);
  assert.ok(taken[2]! > 0, "the one that is behind gets some");
});

test("each tenant has a rate of its own, and a whole one holds for all of them", async (t) => {
  const bus = await shared.connect(t);
  const begun: string[] = [];
  const shop = agent("shop", {
    skills: {
      buy: skill({
        description: "Buys",
        input: z.object({ tenant: z.string() }),
        rate: [
          { limit: 5, per: "1m", burst: 5, by: ({ tenant }) => tenant },
          { limit: 8, per: "1m", burst: 8 },
        ],
        run({ tenant }) {
          begun.push(tenant);
        },
      }),
    },
  });
  await bus.serve(shop, quiet);
  const buy = (tenant: string) => bus.submit(shop.skills.buy, { tenant });
  for (let at = 0; at < 10; at++) await buy("a");
  await eventually(() => begun.length === 5);
  for (let at = 0; at < 10; at++) await buy("b");
  await eventually(() => begun.filter((tenant) => tenant === "b").length >= 2);
  await assert.rejects(bus.ask(shop.skills.buy, { tenant: "a" }), {
    code: "LIMIT_REACHED",
    message: /shop\.buy takes 5 in 1m for "a", and these are used up/,
  });
  assert.ok(begun.length <= 8);
  assert.equal(begun.filter((tenant) => tenant === "a").length, 5);
});

test("that tasks begin to wait for a limit, and no longer do, is told once each", async (t) => {
  const bus = await shared.connect(t);
  const busy = agent("busy", {
    skills: {
      work: skill({
        description: "Works",
        input: z.any(),
        rate: { limit: 20, per: "1s", burst: 2 },
        run: () => 1,
      }),
    },
  });
  await bus.serve(busy, quiet);
  const tasks = await Promise.all(
    Array.from({ length: 20 }, () => bus.submit(busy.skills.work, 1)),
  );
  await Promise.all(tasks.map((task) => task.result()));
  const kinds = async () => {
    const found: string[] = [];
    for await (const { kind } of bus.replay({ kind: "agent", agent: "busy" }))
      if (kind.includes("throttled")) found.push(kind);
    return found.join(" ");
  };
  await eventually(async () => (await kinds()) === "throttled unthrottled");
});

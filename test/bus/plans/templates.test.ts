import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { Publisher } from "../../../bus/streams/publisher.js";
import { Templates } from "../../../bus/plans/templates.js";
import { Bucket, keyOf } from "../../../bus/buckets/bucket.js";
import { z } from "zod";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();

const planOf = (text: string) => ({
  description: `says ${text}`,
  steps: [{ name: "say", value: text }],
});

async function setUp(t: TestContext) {
  const link = await shared.link(t);
  const publisher = new Publisher(link);
  const raw = new Bucket(
    link,
    publisher,
    link.subjects.buckets.plans,
    z.unknown(),
  );
  return { templates: new Templates(link, publisher), raw };
}

test("each put is a new version, and every version stays as it was", async (t) => {
  const { templates } = await setUp(t);
  const first = await templates.put("my plan/é", planOf("one"));
  await templates.put("my plan/é", planOf("two"));
  assert.equal(first.version, 1);
  assert.deepEqual((await templates.get("my plan/é@1")).plan, planOf("one"));
  assert.deepEqual((await templates.get("my plan/é")).plan, planOf("two"));
  const versions = await templates.history("my plan/é");
  assert.deepEqual(
    versions.map(({ version, description }) => [version, description]),
    [
      [1, "says one"],
      [2, "says two"],
    ],
  );
});

test("the list has the newest version of each name", async (t) => {
  const { templates } = await setUp(t);
  assert.deepEqual(await templates.list(), []);
  await templates.put("b", planOf("b"));
  await templates.put("a", planOf("a"));
  await templates.put("b", planOf("c"));
  const list = await templates.list();
  assert.deepEqual(
    list.map(({ name, version }) => `${name}@${version}`),
    ["a@1", "b@2"],
  );
});

test("those who put at the same time all get a version of their own", async (t) => {
  const { templates } = await setUp(t);
  const put = await Promise.all(
    Array.from({ length: 12 }, (_, at) =>
      templates.put("race", planOf(String(at))),
    ),
  );
  const numbers = put.map(({ version }) => version).sort((a, b) => a - b);
  assert.deepEqual(
    numbers,
    Array.from({ length: 12 }, (_, at) => at + 1),
  );
  for (const [at, { version }] of put.entries())
    assert.deepEqual(
      (await templates.get(`race@${version}`)).plan,
      planOf(String(at)),
    );
  assert.equal((await templates.history("race")).length, 12);
});

test("a version whose writer died before it was noted is noted by the next", async (t) => {
  const { templates, raw } = await setUp(t);
  await templates.put("p", planOf("one"));
  const kept = {
    id: "gone",
    at: new Date(0).toISOString(),
    plan: planOf("two"),
  };
  await raw.create(keyOf("plan", "p", "2"), kept);
  assert.equal((await templates.get("p")).version, 1);
  assert.equal((await templates.put("p", planOf("three"))).version, 3);
  assert.deepEqual((await templates.get("p@2")).plan, planOf("two"));
});

test("what is deleted is gone, and its number is not used again", async (t) => {
  const { templates } = await setUp(t);
  for (const text of ["one", "two", "three"])
    await templates.put("p", planOf(text));
  await templates.delete("p@3");
  assert.equal((await templates.get("p")).version, 2);
  await assert.rejects(templates.get("p@3"), {
    code: "PLAN_UNKNOWN",
    message: /no version 3: there is 1, 2/,
  });
  assert.equal((await templates.delete("p")).length, 2);
  await assert.rejects(templates.get("p"), { code: "PLAN_UNKNOWN" });
  await assert.rejects(templates.delete("p"), { code: "PLAN_UNKNOWN" });
  assert.deepEqual(await templates.list(), []);
  assert.equal((await templates.put("p", planOf("four"))).version, 4);
});

test("what is no plan, or no name, is not kept", async (t) => {
  const { templates } = await setUp(t);
  await assert.rejects(templates.put("p", { steps: [] }), {
    code: "PLAN_INVALID",
  });
  await assert.rejects(templates.put("p@2", planOf("x")), {
    code: "ARGUMENT_INVALID",
    message: /names a version/,
  });
  for (const name of [
    "",
    "@1",
    "p@0",
    "p@1.5",
    "p@x",
    "p@1@2",
    "p@",
    "p@01",
    "p@1e0",
    "p@ 1",
    "p@0x1",
    "p@9999999999999999",
  ])
    await assert.rejects(templates.get(name), { code: "ARGUMENT_INVALID" });
  await templates.put("article", planOf("x"));
  await assert.rejects(templates.get("artcile"), {
    code: "PLAN_UNKNOWN",
    message: /did you mean "article"\?/,
  });
});

test("what somebody else wrote into the bucket is passed over", async (t) => {
  const { templates, raw } = await setUp(t);
  await templates.put("p", planOf("one"));
  await raw.put(keyOf("head", "q"), "nonsense");
  await raw.put(keyOf("plan", "p", "2"), 5);
  assert.deepEqual(
    (await templates.list()).map(({ name }) => name),
    ["p"],
  );
  await assert.rejects(templates.get("q"), { code: "PLAN_UNKNOWN" });
  assert.equal((await templates.put("p", planOf("two"))).version, 2);
  assert.deepEqual((await templates.get("p")).plan, planOf("two"));
});

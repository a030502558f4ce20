import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  describeNeed,
  needIn,
  parseNeed,
  splitNames,
} from "../../protocol/need.js";
import {
  parseRouteHeader,
  toRouteHeader,
  type Route,
} from "../../protocol/route.js";
import {
  compareVersions,
  fitsRange,
  isRange,
} from "../../protocol/versions.js";

test("a plain agent.skill names its agent and is no need, whatever is in the names", () => {
  for (const text of [
    "writer.headline",
    "my agent.do it",
    "me@home.com",
    "a@b.send",
    "a.b.c",
  ])
    assert.equal(needIn(text), undefined, text);
});

test("names are split at the last dot, but the orchestrator's at the first: its skills may have one", () => {
  const cases: [string, string, string][] = [
    ["writer.headline", "writer", "headline"],
    ["a.b.c", "a.b", "c"],
    ["orchestrator.status", "orchestrator", "status"],
    ["orchestrator.plan.run", "orchestrator", "plan.run"],
    ["orchestrators.plan.run", "orchestrators.plan", "run"],
  ];
  for (const [text, agent, skill] of cases)
    assert.deepEqual(splitNames(text), { agent, skill }, text);
  assert.equal(needIn("orchestrator.plan.run"), undefined);
  assert.deepEqual(needIn("orchestrator.plan.run@^1"), {
    agent: "orchestrator",
    skill: "plan.run",
    version: "^1",
  });
});

test("a range, an asterisk, or a skill alone make a need", () => {
  const cases: [string, object][] = [
    ["text.summarize@^2", { agent: "text", skill: "summarize", version: "^2" }],
    [
      "text.summarize@>=1.2 <3",
      { agent: "text", skill: "summarize", version: ">=1.2 <3" },
    ],
    ["*.summarize@2.0.1", { skill: "summarize", version: "2.0.1" }],
    ["*.summarize", { skill: "summarize" }],
    ["summarize@~1.4", { skill: "summarize", version: "~1.4" }],
    ["summarize", { skill: "summarize" }],
    ["a.b.c@1.x", { agent: "a.b", skill: "c", version: "1.x" }],
  ];
  for (const [text, need] of cases) assert.deepEqual(needIn(text), need, text);
  for (const text of [".a", "a.", "", "*.", "make this shorter"])
    assert.throws(() => needIn(text), { code: "ARGUMENT_INVALID" }, text);
});

test("a need is told as people write it", () => {
  assert.equal(
    describeNeed({ agent: "text", skill: "summarize", version: "^2" }),
    "text.summarize@^2",
  );
  assert.equal(
    describeNeed({ text: "make it short", labels: { region: "eu" } }),
    '"make it short" region=eu',
  );
  assert.equal(describeNeed({ tags: ["a"], version: "1" }), "version 1 #a");
});

test("a need says something, and says it once", () => {
  assert.deepEqual(parseNeed({ skill: "a", wait: "5s" }), {
    skill: "a",
    wait: "5s",
  });
  for (const wrong of [null, {}, [], { agent: "a" }, { skill: "a", more: 1 }])
    assert.throws(() => parseNeed(wrong), { code: "ARGUMENT_INVALID" });
});

const route: Route = {
  need: { text: "make it short" },
  agent: "text",
  lane: "main",
  skill: "summarize",
  version: "1.0.0",
  instances: 1,
  strategy: "pull",
  why: "the only one that fits",
  candidates: [],
  fitting: 1,
};

test("a route comes back from its header, and what is none is passed over", () => {
  assert.deepEqual(parseRouteHeader(toRouteHeader(route)), route);
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
      assert.equal(parseRouteHeader(text), undefined);
    }),
  );
});

test("a route's header stays small, however long the request and the candidates", () => {
  const candidates = Array.from({ length: 5 }, () => ({
    agent: "a".repeat(200),
    lane: "main",
    skill: "b".repeat(200),
    version: "1.0.0",
    instances: 1,
  }));
  const long = { ...route, need: { text: "x".repeat(100_000) }, candidates };
  const header = toRouteHeader(long);
  assert.ok(header.length < 3_000, String(header.length));
  assert.equal(parseRouteHeader(header)?.candidates.length, 1);
});

test("versions that are none are read for the numbers in them", () => {
  assert.ok(compareVersions("1.10.0", "1.9.0") > 0);
  assert.ok(compareVersions("v2", "1.9.9") > 0);
  assert.equal(compareVersions("next", "0.0.0"), 0);
  assert.ok(compareVersions("2.0.0-beta.1", "2.0.0") < 0);
  assert.ok(fitsRange("2.3.4", "^2") && !fitsRange("3.0.0", "^2"));
  assert.ok(!fitsRange("2.0.0-beta.1", "^2"), "a pre-release is not asked for");
  assert.ok(isRange("1 || 2") && !isRange("newest"));
});

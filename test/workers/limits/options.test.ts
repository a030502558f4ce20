import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { skill } from "../../../index.js";
import { limitRules } from "../../../workers/limits/options.js";

const declare = (limits: object) => () =>
  skill({
    description: "Does it",
    input: z.any(),
    run: () => 1,
    ...limits,
  });

test("limits that are none are refused where the skill is declared, with the field that is wrong", () => {
  const wrong: [object, RegExp][] = [
    [{ breaker: { failures: 0 } }, /failures/],
    [{ breaker: { failures: 1.5 } }, /failures/],
    [{ breaker: { within: "soon" } }, /within.*|write "250ms"/],
    [{ breaker: { rest: 0 } }, /rest/],
    [{ breaker: { probes: -1 } }, /probes/],
    [{ breaker: { failure: 3 } }, /failure/],
    [{ breaker: true }, /breaker/],
    [{ atOnce: 0 }, /atOnce/],
    [{ atOnce: "4" }, /atOnce/],
    [{ atOnce: { limit: 4, by: "tenant" } }, /atOnce/],
    [{ atOnce: [{ limit: 4 }, {}] }, /atOnce/],
    [{ rate: { limit: 10 } }, /rate/],
    [{ rate: { limit: 10, per: "0s" } }, /rate/],
    [{ rate: { limit: Number.NaN, per: "1s" } }, /rate/],
    [{ rate: { limit: 10, per: "1s", burst: 0 } }, /rate/],
    [{ rate: { limit: 10, every: "1s" } }, /rate/],
    [{ fallback: "no where" }, /"no where" names .*give "agent.skill"/],
    [{ fallback: { skill: "a", wait: "1s" } }, /nobody waits/],
    [{ fallback: 7 }, /fallback 7 names no skill/],
    [{ fallback: { agent: "a" } }, /names no skill/],
  ];
  for (const [limits, message] of wrong)
    assert.throws(declare(limits), { code: "ARGUMENT_INVALID", message });
});

test("a skill without limits has no rules, and so costs nothing", () => {
  assert.equal(limitRules({}), undefined);
});

test("what is left out has a default", () => {
  const rules = limitRules({
    breaker: {},
    atOnce: 4,
    rate: { limit: 100, per: "1m" },
    fallback: "other.skill",
  });
  assert.deepEqual(rules, {
    breaker: { failures: 5, withinMs: 30_000, restMs: 10_000, probes: 1 },
    atOnce: [{ limit: 4, by: undefined, shared: false }],
    rates: [{ limit: 100, perMs: 60_000, burst: 10, by: undefined }],
    fallback: { names: { agent: "other", skill: "skill" } },
  });
});

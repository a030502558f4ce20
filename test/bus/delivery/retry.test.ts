import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { firstAttempt, recollect } from "../../../bus/delivery/recall.js";
import {
  backoffMs,
  isDeadly,
  mayRetry,
  retryRules,
  type RetryPolicy,
} from "../../../bus/delivery/retry.js";
import { TroupeError } from "../../../protocol/errors.js";

const failures = fc.integer({ min: 1, max: 2_000 });
const backoff = fc.constantFrom("exponential", "linear", "constant");
const whole = () => 1;
const waits = (policy: RetryPolicy) =>
  [1, 2, 3, 4].map((count) => backoffMs(retryRules(policy), count, whole));

test("waits double, grow by the first, or stay the same", () => {
  const first = "100ms";
  assert.deepEqual(waits({ first }), [100, 200, 400, 800]);
  assert.deepEqual(waits({ first, backoff: "linear" }), [100, 200, 300, 400]);
  assert.deepEqual(waits({ first, backoff: "constant" }), [100, 100, 100, 100]);
});

test("a wait is between half and the whole of what the rules say, and never over the longest", () => {
  fc.assert(
    fc.property(
      failures,
      backoff,
      fc.nat(10_000),
      fc.nat(100_000),
      fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
      (count, kind, first, max, random) => {
        const rules = retryRules({ backoff: kind, first, max });
        const wait = backoffMs(rules, count, () => random);
        const most = backoffMs(rules, count, whole);
        assert.ok(wait >= most / 2 && wait <= most && most <= max);
      },
    ),
  );
});

test("those who failed together do not return together", () => {
  const rules = retryRules({ first: "10s" });
  const seen = new Set(Array.from({ length: 50 }, () => backoffMs(rules, 1)));
  assert.ok(seen.size > 40);
});

test("an error that may go away is tried again until the attempts are used up, another is not", () => {
  const rules = retryRules({ attempts: 3 });
  const failed = new TroupeError("HANDLER_FAILED", "x");
  const refused = new TroupeError("HANDLER_REFUSED", "x");
  assert.deepEqual(
    [1, 2, 3, 4].map((count) => mayRetry(rules, failed, count)),
    [true, true, false, false],
  );
  assert.equal(mayRetry(rules, refused, 1), false);
  const said = new TroupeError("HANDLER_FAILED", "x", { retryable: false });
  assert.equal(mayRetry(rules, said, 1), false);
});

test("a policy that is none is refused", () => {
  const wrong = { first: "soon" } as unknown as RetryPolicy;
  assert.throws(() => retryRules(wrong), {
    code: "ARGUMENT_INVALID",
    message: /^retry\.first "soon"/,
  });
});

test("a task is deadly when its worker has died of it as often as it may, and never for a first start alone", () => {
  const deaths = (limit: number, kinds: ("started" | "attempt")[]) => {
    const past = kinds.map((kind, at) => ({
      taskId: "t",
      agent: "a",
      kind,
      attempt: at + (kinds[0] === "started" ? 2 : 1),
    }));
    return isDeadly(retryRules({ crashes: limit }), recollect(past, true));
  };
  assert.equal(isDeadly(retryRules({ crashes: 1 }), firstAttempt), false);
  for (const limit of [1, 2, 10]) assert.equal(deaths(limit, []), false);
  assert.equal(deaths(2, ["started"]), true);
  assert.equal(deaths(3, ["started"]), false);
  assert.equal(deaths(3, ["started", "started"]), true);
  assert.equal(deaths(2, ["attempt", "started"]), false);
  assert.equal(deaths(2, ["attempt", "started", "started"]), true);
});

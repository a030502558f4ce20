import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { only, problems, ref } from "../../support/checked-plans.js";

const wait = (signal: unknown, name = "w") => ({ name, wait: { signal } });
const map = (...inner: object[]) => ({
  name: "m",
  map: ref("input"),
  do: inner,
});

describe("signals", () => {
  const ask = { name: "ok", approve: "?" };
  const same: [string, object[]][] = [
    ["ok", [ask, wait("ok")]],
    ["ok", [wait("ok"), ask]],
    ["ok", [map(ask, wait("ok"))]],
    ["ok[2]", [map(ask), wait("ok[2]")]],
    ["ok[2]", [map({ ...map(ask), name: "n" }, wait("ok[2]"))]],
  ];
  for (const [name, steps] of same)
    test(`one that is named like an answer is refused: ${JSON.stringify(steps)}`, () =>
      only(
        problems(steps as Record<string, unknown>[]),
        new RegExp(
          `^steps.*\\.wait\\.signal: "${name.replace(/[[]/, "\\[")}" is the name of the answer to steps`,
        ),
      ));

  test("one that only looks like it is not", () => {
    const steps = [
      map(ask),
      wait("ok"),
      wait("ok[1][2]", "v"),
      wait("okay", "u"),
    ];
    assert.deepEqual(problems(steps), []);
    assert.deepEqual(problems([ask, map(wait("ok"))]), []);
    // Each wait takes the oldest that no other has taken.
    assert.deepEqual(problems([wait("paid"), wait("paid", "again")]), []);
  });

  const unfit: [unknown, RegExp][] = [
    ["$cancel", /wait\.signal: expected another name: those with "\$"/],
    ["é".repeat(64), /wait\.signal: signal "é+…" has 64 characters/],
    ["\ud800", /wait\.signal: .*half a character/],
    ["", /wait\.signal: /],
    ["a".repeat(65), /wait\.signal: /],
  ];
  for (const [name, message] of unfit)
    test(`one that nobody can send is refused: ${JSON.stringify(name).slice(0, 20)}`, () =>
      only(problems([wait(name)]), message));

  test("one that fits into no subject in a round of a map is refused there", () => {
    const name = "é".repeat(42);
    assert.deepEqual(problems([wait(name)]), []);
    only(problems([map(wait(name))]), /do\[0\]\.wait\.signal: signal /);
  });
});

// How children start, are started again and given up.
import assert from "node:assert/strict";
import { test } from "node:test";
import { supervise } from "../../actors/supervisor.js";
import type { ChildSpec } from "../../actors/supervised.js";

/** All that promises had to do is done. */
import { settled, stage } from "./supervision.js";

test("children start in order and stop in reverse", async () => {
  const { child, start, written } = stage();
  const supervisor = await start(child("a"), child("b"), child("c"));
  assert.equal(written(), "+a +b +c");
  await supervisor.stop();
  assert.equal(written(), "-c -b -a");
  assert.throws(() => supervisor.add(child("d")), { code: "ARGUMENT_INVALID" });
});

test("each waits until the one before it is there", async () => {
  const { child, start, written, rules } = stage();
  let open!: () => void;
  const slow = child("slow", {
    start: () =>
      new Promise(
        (resolve) => (open = () => resolve({ stop: () => undefined })),
      ),
  });
  const supervisor = supervise([slow, child("next")], rules);
  await settled();
  assert.equal(written(), "");
  open();
  await supervisor.started;
  assert.equal(written(), "+next");
  await start(child("other"));
});

test("what failed is let go of and started again after a pause that doubles up to its limit", async () => {
  const { child, start, written, after, fail, events } = stage({
    restarts: 6,
    first: 100,
    max: 500,
  });
  await start(child("a"));
  for (const pauseMs of [100, 200, 400, 500, 500]) {
    written();
    await fail("a");
    await after(pauseMs - 1);
    assert.equal(written(), "-a");
    await after(1);
    assert.equal(written(), "+a");
  }
  const pauses = events.flatMap((event) =>
    event.kind === "failed" ? [event.restartInMs] : [],
  );
  assert.deepEqual(pauses, [100, 200, 400, 500, 500]);
});

test("half of each pause is left to chance, so that those who failed together do not return together", async () => {
  for (const [random, pauseMs] of [
    [0, 50],
    [0.5, 75],
  ] as const) {
    const { child, start, written, after, fail } = stage({
      random: () => random,
    });
    await start(child("a"));
    await fail("a");
    written();
    await after(pauseMs - 1);
    assert.equal(written(), "");
    await after(1);
    assert.equal(written(), "+a");
  }
});

test("pauses start over after a life that was long enough", async () => {
  const { child, start, after, fail, events } = stage({ within: "1m" });
  await start(child("a"));
  await fail("a");
  await after(100);
  await after(60_000);
  await fail("a");
  const failed = events.filter(({ kind }) => kind === "failed");
  assert.deepEqual(
    failed.map((event) => "restartInMs" in event && event.restartInMs),
    [100, 100],
  );
});

test("one for one: the others know nothing of it, and two may fail at a time", async () => {
  const { child, start, written, after, fail } = stage();
  await start(child("a"), child("b"), child("c"));
  written();
  await fail("b");
  await fail("c");
  await after(100);
  assert.equal(written(), "-b -c +b +c");
});

test("one for all: all stop in reverse and start again in order", async () => {
  const { child, start, written, after, fail } = stage({
    strategy: "one-for-all",
  });
  await start(child("a"), child("b"), child("c"));
  written();
  await fail("b");
  await after(100);
  assert.equal(written(), "-c -b -a +a +b +c");
});

test("rest for one: those after it go with it, and one before it that fails meanwhile takes all along", async () => {
  const { child, start, written, after, fail } = stage({
    strategy: "rest-for-one",
  });
  await start(child("a"), child("b"), child("c"));
  written();
  await fail("b");
  await after(100);
  assert.equal(written(), "-c -b +b +c");
  await fail("b");
  await fail("a"); // while b and c wait
  await after(1_000);
  assert.equal(written(), "-c -b -a +a +b +c");
});

test("a first start that fails counts as any failure, and the next child is started all the same", async () => {
  const { child, written, after, start } = stage();
  let broken = true;
  const flaky = child("flaky");
  const { start: begin } = flaky;
  flaky.start = (life) => {
    if (broken) throw new Error("not yet");
    return begin(life);
  };
  const supervisor = await start(flaky, child("next"));
  assert.equal(written(), "+next");
  assert.equal(supervisor.children[0]?.state, "down");
  broken = false;
  await after(100);
  assert.equal(written(), "+flaky");
});

test("more failures than allowed within the time stop everything and escalate once, with the last failure as cause", async () => {
  const { child, start, written, after, fail, escalated, events } = stage({
    restarts: 2,
    within: "10s",
  });
  const supervisor = await start(child("a"), child("b"));
  for (let failures = 0; failures < 3; failures++) {
    await fail("b", new Error(`failure ${failures}`));
    await after(1_000);
  }
  assert.equal(written(), "+a +b -b +b -b +b -b -a");
  assert.equal(escalated.length, 1);
  assert.equal(escalated[0]?.code, "RESTARTS_EXHAUSTED");
  assert.match(escalated[0].message, /"b" failed.* 3 within 10s where 2/);
  assert.equal((escalated[0].cause as Error).message, "failure 2");
  assert.equal(events.at(-1)?.kind, "gave-up");
  await fail("a");
  await after(60_000);
  assert.equal(written(), "");
  await supervisor.stop();
});

test("failures further apart than the time never escalate", async () => {
  const { child, start, after, fail, escalated } = stage({
    restarts: 1,
    within: "10s",
  });
  await start(child("a"));
  for (let failures = 0; failures < 20; failures++) {
    await fail("a");
    await after(10_001);
  }
  assert.deepEqual(escalated, []);
});

test("a supervisor is a child of another: what it gives up, that one starts again", async () => {
  const { child, rules, written, after, fail, escalated } = stage({
    restarts: 1,
  });
  const branch: ChildSpec = {
    name: "branch",
    start: (life) =>
      supervise([child("a"), child("b")], { ...rules, escalate: life.failed }),
  };
  const root = supervise(branch, rules);
  await settled();
  await fail("b");
  await after(100);
  assert.equal(written(), "+a +b -b +b");
  await fail("b");
  assert.equal(written(), "-b -a");
  await after(100);
  assert.equal(written(), "+a +b");
  assert.deepEqual(escalated, []);
  await root.stop();
  assert.equal(written(), "-b -a");
});

// No test waits: time is simulated, and what is supervised fails when it is told to.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SimulatedClock } from "xstate";
import {
  supervise,
  type SupervisionEvent,
  type SupervisionPolicy,
  type Supervisor,
} from "../../actors/supervisor.js";
import type { ChildSpec, Life } from "../../actors/supervised.js";
import type { TroupeError } from "../../protocol/errors.js";

/** All that promises had to do is done. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

/** Children that write down when they start and stop, and fail when told to. */
function stage(policy: Partial<SupervisionPolicy> = {}) {
  const clock = new SimulatedClock();
  const diary: string[] = [];
  const lives = new Map<string, Life>();
  const events: SupervisionEvent[] = [];
  const escalated: TroupeError[] = [];
  const rules: SupervisionPolicy = {
    clock,
    random: () => 1, // the whole pause
    escalate: (error) => void escalated.push(error),
    onEvent: (event) => void events.push(event),
    ...policy,
  };
  const child = (name: string, more: Partial<ChildSpec> = {}): ChildSpec => ({
    name,
    start(life) {
      lives.set(name, life);
      diary.push(`+${name}`);
      return { stop: () => void diary.push(`-${name}`) };
    },
    ...more,
  });
  const written = () => diary.splice(0).join(" ");
  const after = async (ms: number) => {
    clock.increment(ms);
    await settled();
  };
  const fail = async (name: string, error: unknown = new Error("broken")) => {
    lives.get(name)!.failed(error);
    await settled();
  };
  const start = async (...specs: ChildSpec[]): Promise<Supervisor> => {
    const supervisor = supervise(specs, rules);
    await supervisor.started;
    return supervisor;
  };
  return {
    rules,
    child,
    written,
    after,
    fail,
    start,
    lives,
    events,
    escalated,
  };
}

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

test("what ends well is started again, or not, as it says; what is never restarted ends with its failure", async () => {
  const { child, start, written, after, lives, fail, events } = stage();
  const supervisor = await start(
    child("always"),
    child("on-failure", { restart: "on-failure" }),
    child("never", { restart: "never" }),
  );
  written();
  lives.get("always")!.ended();
  lives.get("on-failure")!.ended();
  await fail("never");
  await after(60_000);
  assert.equal(written(), "-always -on-failure -never +always");
  assert.deepEqual(
    events.flatMap((event) => (event.kind === "ended" ? [event.child] : [])),
    ["on-failure", "never"],
  );
  assert.deepEqual(
    supervisor.children.map(({ state }) => state),
    ["running", "ended", "ended"],
  );
});

test("an older life is not believed", async () => {
  const { child, start, written, after, lives, fail } = stage();
  await start(child("a"));
  const first = lives.get("a")!;
  await fail("a");
  first.failed(new Error("again"));
  await after(100);
  assert.equal(written(), "+a -a +a");
  first.ended();
  first.failed(new Error("and again"));
  await after(10_000);
  assert.equal(written(), "");
});

test("who fails before its start is done is let go of as soon as it is there", async () => {
  const { rules, written, after, child } = stage();
  let open!: () => void;
  const { start } = child("a");
  let starts = 0;
  const hasty = child("a", {
    async start(life) {
      if (starts++ > 0) return start(life);
      life.failed(new Error("too early"));
      await new Promise<void>((resolve) => (open = resolve));
      return start(life);
    },
  });
  const supervisor = supervise(hasty, rules);
  await settled();
  await after(100);
  assert.equal(starts, 1, "the first life is still about to start");
  open();
  await settled();
  assert.equal(written(), "+a -a +a");
  await supervisor.stop();
});

test("a start that hangs has failed after its time; should it come late, it is stopped", async () => {
  const { child, rules, after, written, events } = stage({
    startWithin: "5s",
    first: "1s",
  });
  let open!: () => void;
  const { start } = child("a");
  let starts = 0;
  const hanging = child("a", {
    async start(life) {
      if (starts++ === 0)
        await new Promise<void>((resolve) => (open = resolve));
      return start(life);
    },
  });
  supervise(hanging, rules);
  await settled();
  await after(5_000);
  assert.match(
    String("error" in events[0]! && events[0].error),
    /"a" did not start within 5s/,
  );
  await after(1_000);
  assert.equal(written(), "+a");
  open();
  await settled();
  assert.equal(written(), "+a -a");
});

test("a stop that hangs or throws keeps nobody from stopping, and is told", async () => {
  const { child, start, written, after, events } = stage({ stopWithin: "5s" });
  const never = () => new Promise<void>(() => undefined);
  const supervisor = await start(
    child("a"),
    child("hangs", { start: () => ({ stop: never }) }),
    child("throws", {
      start: () => ({
        stop() {
          throw new Error("no");
        },
      }),
    }),
  );
  const stopped = supervisor.stop();
  await settled();
  await after(5_000);
  await stopped;
  assert.equal(written(), "+a -a");
  assert.deepEqual(
    events.flatMap((event) =>
      event.kind === "stop-failed" ? [event.child] : [],
    ),
    ["throws", "hangs"],
  );
});

test("nothing is started after stop, not even what waited for its pause or was about to start", async () => {
  const { child, start, written, after, fail, rules } = stage();
  const supervisor = await start(child("a"), child("b"));
  await fail("a");
  await supervisor.stop();
  await after(60_000);
  assert.equal(written(), "+a +b -a -b");
  const second = supervise([child("c"), child("d")], rules);
  await Promise.all([second.stop(), second.started]);
  assert.deepEqual(
    second.children.map(({ state }) => state),
    ["stopped", "stopped"],
  );
  const pairs = written().split(" ").filter(Boolean);
  assert.equal(pairs.length % 2, 0, "what started was stopped");
});

test("children come and go while it runs; one that waits for its restart can be removed", async () => {
  const { child, start, written, after, fail } = stage();
  const supervisor = await start(child("a"));
  await supervisor.add(child("b"));
  await supervisor.add(child("c"));
  await fail("b");
  await supervisor.remove("b");
  await supervisor.remove("nobody");
  await after(60_000);
  assert.equal(written(), "+a +b +c -b");
  assert.throws(() => supervisor.add(child("c")), { code: "ARGUMENT_INVALID" });
  await supervisor.add(child("b"));
  await supervisor.stop();
  assert.equal(written(), "+b -b -c -a");
});

test("a listener that throws does not end the supervision", async () => {
  const { child, start, written, after, fail } = stage({
    onEvent() {
      throw new Error("the listener is broken");
    },
  });
  await start(child("a"));
  await fail("a");
  await after(100);
  assert.equal(written(), "+a -a +a");
});

const names = ["a", "b", "c"];
const happening = fc.oneof(
  fc.record({ fail: fc.constantFrom(...names) }),
  fc.record({ slowStart: fc.constantFrom(...names) }),
  fc.record({ after: fc.integer({ min: 1, max: 3_000 }) }),
);
const strategies = ["one-for-one", "rest-for-one", "one-for-all"] as const;

test("whatever fails when, no child lives twice, and after stop or escalation none lives", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...strategies),
      fc.integer({ min: 1, max: 6 }),
      fc.array(happening, { maxLength: 25 }),
      async (strategy, restarts, story) => {
        const { child, rules, after, lives, escalated } = stage({
          strategy,
          restarts,
          within: "10s",
        });
        const living = new Map(names.map((name) => [name, 0]));
        const slow = new Set<string>();
        const count = (name: string, more: number) => {
          living.set(name, living.get(name)! + more);
          assert.ok(living.get(name)! <= 1, `${name} lives twice`);
        };
        const specs = names.map((name) =>
          child(name, {
            async start(life) {
              if (slow.delete(name))
                await new Promise<void>((resolve) =>
                  rules.clock!.setTimeout(resolve, 700),
                );
              count(name, 1);
              lives.set(name, life);
              let stopped = false;
              return {
                stop() {
                  if (!stopped) count(name, -1);
                  stopped = true;
                },
              };
            },
          }),
        );
        const supervisor = supervise(specs, rules);
        await settled();
        for (const each of story) {
          if ("after" in each) await after(each.after);
          else if ("slowStart" in each) slow.add(each.slowStart);
          else lives.get(each.fail)?.failed(new Error("broken"));
          await settled();
          if (escalated.length > 0)
            assert.deepEqual([...living.values()], [0, 0, 0]);
        }
        assert.ok(escalated.length <= 1);
        const stopped = supervisor.stop();
        for (let at = 0; at < 5; at++) await after(10_000); // what is about to start, and stop, in its time
        await stopped;
        assert.deepEqual([...living.values()], [0, 0, 0]);
      },
    ),
    { numRuns: 150 },
  );
});

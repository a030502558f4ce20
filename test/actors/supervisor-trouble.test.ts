// Children that end, hang, are late or go away, whatever fails when.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { supervise } from "../../actors/supervisor.js";

/** All that promises had to do is done. */
import { settled, stage } from "./supervision.js";

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

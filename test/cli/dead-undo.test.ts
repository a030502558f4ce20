import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../support/eventually.js";
import { broken, doSteps, letterOf, serveSaga } from "../support/saga.js";
import { sharedServer } from "../support/shared-server.js";
import { troupe } from "./command.js";

const shared = sharedServer();

test("dead show tells what still stands and what to do, and dead undo does it", async (t) => {
  const bus = await shared.connect(t);
  const undone: string[] = [];
  await serveSaga(bus, async (task) => {
    await doSteps(task, ["a", "pay now", "c"], (name) => {
      if (name === "pay now") throw new Error("the bank is closed");
      undone.push(name);
    });
    throw broken();
  });
  await assert.rejects(bus.call("saga.run", {}, { id: "t1" }));
  const { url } = shared.server;
  const dead = (...args: string[]) =>
    troupe(["dead", ...args, "--namespace", bus.namespace], { url });
  const shown = (await dead("show", "t1")).stdout;
  assert.match(shown, /undone +c$/m);
  assert.match(shown, /still done +a, pay now$/m);
  assert.match(shown, /stuck at +pay now: the bank is closed$/m);
  assert.match(shown, /npx troupe dead undo t1 --skip 'pay now'/);
  const { objects } = await dead("show", "t1", "--json");
  assert.deepEqual(objects[0]!["undoing"], {
    undone: ["c"],
    skipped: [],
    standing: ["a", "pay now"],
    stuck: { step: "pay now", error: "the bank is closed", attempts: 1 },
    isResolved: false,
    isDeclined: false,
  });
  for (const args of [[], ["--retry", "--resolve"]]) {
    const wrong = await dead("undo", "t1", ...args);
    assert.equal(wrong.code, 2);
    assert.match(wrong.stderr, /--retry, --skip STEP, or --resolve/);
  }
  const unknown = await dead("undo", "t1", "--skip", "pay");
  assert.equal(unknown.code, 2);
  assert.match(unknown.stderr, /what stands: "a", "pay now"/);
  const skipped = await dead("undo", "t1", "--skip", "pay now", "--by", "ann");
  assert.equal(skipped.code, 0);
  assert.match(skipped.stdout, /t1 is undone further/);
  await eventually(async () => !(await letterOf(bus, "t1")));
  assert.deepEqual(undone, ["c", "a"]);
  assert.equal((await dead("undo", "t1", "--resolve")).code, 2);
});

test("dead undo says what became of an order, and with --wait what came of it", async (t) => {
  const bus = await shared.connect(t);
  let isClosed = true;
  await serveSaga(bus, async (task) => {
    await doSteps(task, ["a", "b", "c"], (name) => {
      if (name === "b" && isClosed) throw new Error("the bank is closed");
    });
    throw broken();
  });
  await assert.rejects(bus.call("saga.run", {}, { id: "t2" }));
  const undo = (...args: string[]) =>
    troupe(["dead", "undo", "t2", ...args, "--namespace", bus.namespace], {
      url: shared.server.url,
    });

  const needless = await undo("--skip", "c");
  assert.equal(needless.code, 0);
  assert.match(needless.stdout, /step "c" of t2 is undone already/);
  const still = await undo("--skip", "c", "--wait");
  assert.equal(still.code, 1);
  assert.match(still.stdout, /^t2 still stands$/m);

  const failed = await undo("--retry", "--wait");
  assert.equal(failed.code, 1);
  assert.match(failed.stdout, /still done +a, b$/m);
  assert.match(failed.stdout, /stuck at +b: the bank is closed$/m);
  assert.match(failed.stderr, /^error UNDO_FAILED: .*the bank is closed/m);
  const [told] = (await undo("--retry", "--wait", "--json")).objects;
  assert.equal(told?.["answer"], "ordered");
  assert.equal(told?.["outcome"], "stands");

  isClosed = false;
  const done = await undo("--retry", "--wait");
  assert.equal(done.code, 0);
  assert.match(done.stdout, /^t2 is undone: its letter is gone$/m);
  assert.match(done.stdout, /^undone +c, b, a$/m);
});

test("dead undo --wait says when nothing comes of an order, and that the order stands", async (t) => {
  const bus = await shared.connect(t);
  const { worker } = await serveSaga(bus, async (task) => {
    await doSteps(task, ["a", "b"], () => {
      throw new Error("the bank is closed");
    });
    throw broken();
  });
  await assert.rejects(bus.call("saga.run", {}, { id: "t4" }));
  await worker.drain();
  const undo = (...args: string[]) =>
    troupe(["dead", "undo", "t4", ...args, "--namespace", bus.namespace], {
      url: shared.server.url,
    });
  const alone = await undo("--retry", "--wait", "--timeout", "300ms");
  assert.equal(alone.code, 1);
  assert.match(alone.stderr, /no instance of "saga" is running/);
  assert.match(alone.stderr, /WAIT_TIMED_OUT: .*still done: "a", "b"\)/);
  assert.match(
    alone.stderr,
    /^t4 is undone further as soon as a worker of "saga" has it; /m,
  );
  assert.match(
    (await undo("--retry")).stdout,
    /^t4 had been ordered to be undone before, and no undo of it has failed/,
  );
  const about = async (...words: string[]) =>
    (
      await troupe([...words, "--namespace", bus.namespace], {
        url: shared.server.url,
      })
    ).stdout;
  const ordered =
    /^ordered +retry, at [-\d]+ [:\d]+, by \S+; it waits for a worker of "saga", and none is running \(npx troupe work FILE…\)$/m;
  const letter = await about("dead", "show", "t4");
  assert.match(letter, ordered);
  assert.match(letter, /dead undo t4 --skip b$/m);
  assert.doesNotMatch(letter, /--retry/);
  const task = await about("tasks", "show", "t4");
  assert.match(task, ordered);
  assert.doesNotMatch(task, /--retry/);
});

test("dead undo --resolve --wait says at once that it is resolved", async (t) => {
  const bus = await shared.connect(t);
  await serveSaga(bus, async (task) => {
    await doSteps(task, ["a"], () => {
      throw new Error("the bank is closed");
    });
    throw broken();
  });
  await assert.rejects(bus.call("saga.run", {}, { id: "t3" }));
  const resolved = await troupe(
    ["dead", "undo", "t3", "--resolve", "--wait", "--namespace", bus.namespace],
    { url: shared.server.url },
  );
  assert.equal(resolved.code, 0);
  assert.match(resolved.stdout, /^resolved +by hand$/m);
  assert.match(
    resolved.stdout,
    /^t3 is resolved: what stood of it was undone by hand, and its letter is gone$/m,
  );
  assert.equal(resolved.stderr, "");
});

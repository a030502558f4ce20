// That the machine is what its table says, test/machines.test.ts shows; here, what it means.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  stateOnCard,
  takesTasks,
  workerLifecycle,
  type WorkerStep,
} from "../../workers/worker.machine.js";

function after(...steps: WorkerStep[]) {
  const worker = workerLifecycle.begin();
  for (const step of steps) worker.send(step);
  return worker;
}

/** What its card says, and whether it takes tasks. */
const of = (...steps: WorkerStep[]) => {
  const worker = after(...steps);
  return [stateOnCard(worker), takesTasks(worker)];
};

test("a worker takes tasks only where it serves, is not paused, and is well", () => {
  assert.deepEqual(of(), ["starting", false]);
  assert.deepEqual(of("prepared"), ["registering", false]);
  assert.deepEqual(of("prepared", "resume"), ["ready", true]);
  assert.deepEqual(of("prepared", "pause"), ["paused", false]);
  assert.deepEqual(of("prepared", "resume", "troubled"), ["degraded", false]);
  assert.deepEqual(of("prepared", "resume", "drain"), ["draining", false]);
  for (const place of workerLifecycle.places) {
    const taking =
      place.paths.has("serving.order.taking") &&
      place.paths.has("serving.health.well");
    const way = waysTo.get(place.name)!;
    assert.equal(takesTasks(after(...way)), taking, place.name);
  }
});

test("a pause and trouble do not know of each other: each ends by itself", () => {
  const both = ["prepared", "pause", "troubled"] as const;
  assert.deepEqual(of(...both), ["paused", false]);
  assert.deepEqual(of(...both, "resume"), ["degraded", false]);
  assert.deepEqual(of(...both, "recovered"), ["paused", false]);
  assert.deepEqual(of(...both, "recovered", "resume"), ["ready", true]);
});

test("neither a pause nor trouble touches what it has in hand", () => {
  const busy = after("prepared", "resume", "taken", "pause", "troubled");
  assert.ok(busy.in("serving.work.busy"));
  busy.send("emptied");
  assert.ok(busy.in("serving.work.idle"));
  assert.ok(busy.in("serving.order.paused"));
});

test("it drains from wherever it is, once, and nothing brings it back", () => {
  for (const [name, way] of waysTo) {
    const worker = after(...way);
    if (name === "draining" || name === "stopped") continue;
    assert.ok(worker.send("drain"), name);
    for (const late of ["resume", "pause", "taken", "recovered"] as const)
      assert.equal(worker.send(late), false);
    assert.ok(worker.send("drained"));
    assert.equal(stateOnCard(worker), "stopped");
    assert.ok(worker.final);
  }
});

const waysTo = new Map<string, WorkerStep[]>(
  (function* () {
    const seen = new Set([workerLifecycle.initial]);
    const queue = [{ place: workerLifecycle.initial, way: [] as WorkerStep[] }];
    for (const { place, way } of queue) {
      yield [place.name, way] as const;
      for (const [event, next] of Object.entries(place.next)) {
        if (!next || seen.has(next)) continue;
        seen.add(next);
        queue.push({ place: next, way: [...way, event as WorkerStep] });
      }
    }
  })(),
);

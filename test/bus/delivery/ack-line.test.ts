import assert from "node:assert/strict";
import { test, mock } from "node:test";
import { AckLine } from "../../../bus/delivery/ack-line.js";

function delivery(name: string, log: string[]) {
  return { acknowledgeNow: () => void log.push(name) };
}

test("an acknowledgement waits for the next one, or for a moment", (t) => {
  let now = 0;
  t.mock.method(performance, "now", () => now);
  mock.timers.enable({ apis: ["setTimeout"] });
  const pass = (ms: number) => {
    now += ms;
    mock.timers.tick(ms);
  };
  try {
    const log: string[] = [];
    const line = new AckLine();
    line.add(delivery("a", log));
    assert.deepEqual(log, []);
    line.add(delivery("b", log));
    assert.deepEqual(log, ["a"]);
    pass(249);
    assert.deepEqual(log, ["a"]);
    pass(1);
    assert.deepEqual(log, ["a", "b"]);
  } finally {
    mock.timers.reset();
  }
});

test("a line that is closed lets go of what it held and holds nothing more", () => {
  const log: string[] = [];
  const line = new AckLine();
  line.add(delivery("a", log));
  line.close();
  line.add(delivery("b", log));
  assert.deepEqual(log, ["a", "b"]);
});

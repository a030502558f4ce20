import assert from "node:assert/strict";
import { test } from "node:test";
import { createMachine, setup } from "xstate";
import { tabulate } from "../../protocol/lifecycle.js";

const door = setup({
  types: { events: {} as { type: "open" | "close" | "knock" | "burn" } },
}).createMachine({
  id: "door",
  initial: "closed",
  states: {
    closed: { on: { open: "opened", knock: "closed", burn: "gone" } },
    opened: {
      initial: "ajar",
      on: { close: "closed", burn: "gone" },
      states: { ajar: { on: { open: "wide" } }, wide: {} },
    },
    gone: { type: "final" },
  },
});
const lifecycle = tabulate(door);

test("a table has every place that can be reached, and of each the events that it knows", () => {
  assert.deepEqual(
    lifecycle.places.map(({ name, next }) => [name, Object.keys(next).sort()]),
    [
      ["closed", ["burn", "knock", "open"]],
      ["opened.ajar", ["burn", "close", "open"]],
      ["gone", []],
      ["opened.wide", ["burn", "close"]],
    ],
  );
});

test("a step leads on and is told; what the machine does not know changes nothing and is not", () => {
  const told: string[] = [];
  const life = lifecycle.begin(({ name }, event) =>
    told.push(`${event}: ${name}`),
  );
  assert.equal(life.send("open"), true);
  assert.equal(life.send("knock"), false);
  assert.equal(life.name, "opened.ajar");
  assert.equal(life.in("opened"), true);
  assert.equal(life.in("opened.ajar"), true);
  assert.equal(life.in("closed"), false);
  assert.deepEqual(told, ["open: opened.ajar"]);
});

test("a step into the same state is known, and is told", () => {
  let told = 0;
  const life = lifecycle.begin(() => told++);
  assert.equal(life.send("knock"), true);
  assert.equal(life.state, "closed");
  assert.equal(told, 1);
});

test("what is demanded and not known is refused, with what would be", () => {
  const life = lifecycle.begin();
  assert.throws(() => life.demand("close"), {
    code: "STATE_REFUSED",
    message:
      '"close" is not for a door that is closed: it knows open, knock, burn',
  });
  life.demand("burn");
  assert.equal(life.final, true);
  assert.throws(() => life.demand("open"), {
    code: "STATE_REFUSED",
    message: '"open" is not for a door that is gone, its last state',
  });
});

test("a listener may send, and a thousand lives of one lifecycle do not touch", () => {
  const life = lifecycle.begin((now, event) => {
    if (event === "open" && now.in("opened.ajar")) now.send("open");
  });
  const others = Array.from({ length: 1000 }, () => lifecycle.begin());
  life.send("open");
  assert.equal(life.name, "opened.wide");
  assert.ok(others.every(({ state }) => state === "closed"));
});

test("a fold passes over what is not known", () => {
  assert.equal(lifecycle.fold([]), "closed");
  assert.equal(lifecycle.fold(["close", "open", "sing", "close"]), "closed");
  assert.equal(lifecycle.fold(["burn", "open"]), "gone");
  assert.equal(lifecycle.fold(["constructor", "__proto__"]), "closed");
});

test("a machine that does more than to say which state follows is no table", () => {
  const counting = createMachine({ id: "counter", context: { count: 0 } });
  const late = createMachine({
    id: "late",
    initial: "a",
    states: { a: { after: { 5: "b" } }, b: {} },
  });
  const acting = createMachine({
    id: "acting",
    initial: "a",
    states: {
      a: { on: { go: { target: "b", actions: () => undefined } } },
      b: {},
    },
  });
  for (const machine of [counting, late, acting])
    assert.throws(() => tabulate(machine), {
      code: "ARGUMENT_INVALID",
      message: new RegExp(`machine "${machine.id}" has`),
    });
});

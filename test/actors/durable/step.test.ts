// One message handled by one machine, without a bus: what it makes of its state, and what it causes.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  assign,
  cancel,
  emit,
  enqueueActions,
  fromTransition,
  raise,
  sendParent,
  sendTo,
  setup,
  spawnChild,
} from "xstate";
import { callSkill } from "../../../actors/durable/skill-call.js";
import { step } from "../../../actors/durable/step.js";
import { actorOf, definitionOf, of } from "../../support/stepped-actor.js";

test("the same message of the same state comes to the same, whoever handles it", () => {
  const machine = setup({
    actors: { pay: callSkill("bank.pay") },
  }).createMachine({
    initial: "a",
    states: {
      a: { on: { GO: "b" } },
      b: { invoke: { src: "pay" }, after: { 50: "a" } },
    },
  });
  const once = () =>
    step(
      definitionOf(machine),
      undefined,
      { kind: "event", event: { type: "GO" } },
      { context: "c", task: "t", now: 5 },
    );
  const [one, two] = [once(), once()];
  assert.deepEqual(one.state, two.state);
  assert.deepEqual(one.effects, two.effects);
  assert.deepEqual(
    one.effects.map(({ kind }) => kind),
    ["call", "timer"],
  );
});

test("an event that the machine has no use for changes nothing", () => {
  const machine = setup({}).createMachine({
    on: { A: { actions: assign({}) } },
  });
  const actor = actorOf(machine);
  assert.equal(actor.send("A").changed, true, "it comes into being");
  assert.deepEqual(
    [actor.send("B").changed, actor.send("B").result.changed],
    [false, false],
  );
});

test("a delayed transition becomes a timer, which fires once and is dropped when its state is left", () => {
  const machine = setup({}).createMachine({
    initial: "a",
    states: {
      a: {
        after: { 100: "b" },
        on: { LEAVE: "b", AGAIN: { target: "a", reenter: true } },
      },
      b: {},
    },
  });
  const actor = actorOf(machine);
  const [first] = of(actor.send("NOTHING"), "timer");
  assert.equal(first?.dueAt, 1_100);
  const again = actor.send("AGAIN");
  const [second] = of(again, "timer");
  assert.deepEqual(of(again, "forget"), [
    { kind: "forget", task: first?.task },
  ]);
  assert.notEqual(second?.task, first?.task);
  assert.equal(actor.fire(first.task).changed, false, "it is an old one");
  assert.equal(actor.state, "a");
  const fired = actor.fire(second!.task);
  assert.deepEqual([actor.state, fired.effects], ["b", []]);
  const other = actorOf(machine);
  const [timer] = of(other.send("NOTHING"), "timer");
  const left = other.send("LEAVE");
  assert.deepEqual(left.effects, [{ kind: "forget", task: timer?.task }]);
});

test("raise and sendTo with a delay are timers that cancel stops", () => {
  const machine = setup({}).createMachine({
    initial: "a",
    on: {
      LATER: { actions: raise({ type: "NOW" }, { delay: 20, id: "later" }) },
      STOP: { actions: cancel("later") },
      NOW: ".b",
    },
    states: { a: {}, b: {} },
  });
  const actor = actorOf(machine);
  const [timer] = of(actor.send("LATER"), "timer");
  assert.equal(of(actor.send("STOP"), "forget").length, 1);
  assert.equal(actor.fire(timer!.task).changed, false);
  const [again] = of(actor.send("LATER"), "timer");
  actor.fire(again!.task);
  assert.equal(actor.state, "b");
});

test("the machine's own actions wait until the state is stored, and cannot send then", () => {
  const did: string[] = [];
  const machine = setup({
    actions: { named: () => void did.push("named") },
  }).createMachine({
    on: {
      GO: {
        actions: [
          "named",
          () => void did.push("inline"),
          enqueueActions(({ enqueue }) =>
            enqueue(() => void did.push("queued")),
          ),
          ({ self }) => self.send({ type: "LATE" }),
        ],
      },
    },
  });
  const { actions } = actorOf(machine).send("GO");
  assert.deepEqual(did, []);
  for (const action of actions.slice(0, 3)) action.run();
  assert.deepEqual(did, ["named", "inline", "queued"]);
  assert.throws(() => actions[3]!.run(), { message: /raise, sendTo or emit/ });
});

test("what it emits is an effect, in order", () => {
  const machine = setup({}).createMachine({
    on: { GO: { actions: [emit({ type: "one" }), emit({ type: "two" })] } },
  });
  assert.deepEqual(of(actorOf(machine).send("GO"), "emit"), [
    { kind: "emit", index: 0, event: { type: "one" } },
    { kind: "emit", index: 1, event: { type: "two" } },
  ]);
});

test("what throws in an assign, a guard or a child leaves the state as it was", () => {
  const thrower = () => {
    throw new Error("boom");
  };
  const kid = setup({}).createMachine({
    on: { X: { actions: assign(thrower) } },
  });
  const machine = setup({ actors: { kid } }).createMachine({
    invoke: { id: "kid", src: "kid" },
    on: {
      ASSIGN: { actions: assign(thrower) },
      GUARD: { guard: thrower, actions: assign({}) },
      CHILD: { actions: sendTo("kid", { type: "X" }) },
    },
  });
  for (const type of ["ASSIGN", "GUARD", "CHILD"]) {
    const actor = actorOf(machine);
    actor.send("START");
    assert.throws(() => actor.send(type), { message: /boom/ }, type);
    assert.equal(actor.send("START").changed, false, type);
  }
});

test("machines that go in a circle are stopped: always, raise, and actors that answer each other", () => {
  const circle = /took more than 5000 steps/;
  const echo = setup({}).createMachine({
    on: { PING: { actions: sendParent({ type: "PONG" }) } },
  });
  const machine = setup({ actors: { echo } }).createMachine({
    initial: "still",
    on: { RAISE: { actions: raise({ type: "RAISE" }) } },
    states: {
      still: { on: { ALWAYS: "one", ECHO: "echoing" } },
      one: { always: "two" },
      two: { always: "one" },
      echoing: {
        invoke: { id: "echo", src: "echo" },
        entry: sendTo("echo", { type: "PING" }),
        on: { PONG: { actions: sendTo("echo", { type: "PING" }) } },
      },
    },
  });
  for (const type of ["ALWAYS", "RAISE", "ECHO"])
    assert.throws(
      () => actorOf(machine).send(type),
      { code: "HANDLER_REFUSED", message: circle },
      type,
    );
});

test("delays without an end and emitted events without a type are refused before anything is stored", () => {
  const machine = setup({
    types: { emitted: {} as { type: string } },
    delays: { never: Number.POSITIVE_INFINITY, none: Number.NaN },
  }).createMachine({
    initial: "a",
    on: { EMPTY: { actions: emit({ type: "" }) } },
    states: {
      a: { on: { NEVER: "b", NONE: "c" } },
      b: { after: { never: "a" } },
      c: { after: { none: "a" } },
    },
  });
  for (const type of ["NEVER", "NONE"])
    assert.throws(() => actorOf(machine).send(type), {
      code: "HANDLER_REFUSED",
      message: /delay of (Infinity|NaN) ms/,
    });
  assert.throws(() => actorOf(machine).send("EMPTY"), {
    code: "ARGUMENT_INVALID",
    message: /type of an emitted event "" is empty/,
  });
});

test("children without an id or a name are refused, for they could not be found again", () => {
  const kid = setup({}).createMachine({});
  const machine = setup({ actors: { kid } }).createMachine({
    on: {
      NOID: { actions: spawnChild("kid") },
      NONAME: { actions: spawnChild(kid as never, { id: "x" }) },
      SPAWN: { actions: assign(({ spawn }) => (spawn("kid"), {})) },
    },
  });
  const actor = actorOf(machine);
  assert.throws(() => actor.send("NOID"), { message: /without an id/ });
  assert.throws(() => actor.send("NONAME"), { message: /without a name/ });
  actor.send("SPAWN");
  actor.send("SPAWN");
  const { children } = actor.send("NOTHING").state.snapshot;
  assert.equal(
    Object.keys(children ?? {}).length,
    2,
    "each has an id of its own",
  );
});

test("logic that is a pure transition may sleep", () => {
  const counter = fromTransition(
    (state: { count: number }) => ({ count: state.count + 1 }),
    { count: 0 },
  );
  const machine = setup({ actors: { counter } }).createMachine({
    invoke: { id: "counter", src: "counter" },
    on: { ADD: { actions: sendTo("counter", { type: "ADD" }) } },
  });
  const actor = actorOf(machine);
  actor.send("ADD");
  const { children } = actor.send("ADD").state.snapshot;
  assert.match(JSON.stringify(children), /"count":2/);
});

test("a snapshot that does not fit its machine is refused as such", () => {
  const old = setup({}).createMachine({ initial: "a", states: { a: {} } });
  const now = setup({}).createMachine({ initial: "b", states: { b: {} } });
  const message = { kind: "event", event: { type: "X" } } as const;
  const cause = { context: "c", task: "t", now: 1 };
  const { state } = step(definitionOf(old), undefined, message, cause);
  assert.throws(() => step(definitionOf(now), state, message, cause), {
    code: "SNAPSHOT_REFUSED",
    message: /context "c" does not fit the machine of agent "a".*migrate/,
  });
});

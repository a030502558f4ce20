// The children of a machine and the skills that it calls, as its steps see them.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  assign,
  sendParent,
  sendTo,
  setup,
  spawnChild,
  stopChild,
} from "xstate";
import { callSkill } from "../../../actors/durable/skill-call.js";
import { type Step } from "../../../actors/durable/step.js";
import { TroupeError } from "../../../protocol/errors.js";
import { actorOf, of } from "../../support/stepped-actor.js";

const child = setup({
  types: { input: {} as { name: string } },
}).createMachine({
  context: ({ input }) => ({ name: input.name, greeted: 0 }),
  initial: "up",
  states: {
    up: {
      on: {
        GREET: {
          actions: [
            assign({ greeted: ({ context }) => context.greeted + 1 }),
            sendParent(({ context }) => ({
              type: "GREETED",
              by: context.name,
              times: context.greeted,
            })),
          ],
        },
        END: "down",
      },
      after: { 500: "down" },
    },
    down: { type: "final" },
  },
  output: ({ context }) => context.greeted,
});

const family = setup({ actors: { child } }).createMachine({
  context: { heard: [] as string[], output: -1 },
  initial: "home",
  on: {
    GREETED: {
      actions: assign({
        heard: ({ context, event }) => [
          ...context.heard,
          `${event["by"]} ${event["times"]}`,
        ],
      }),
    },
  },
  states: {
    home: {
      entry: spawnChild("child", { id: "spawned", input: { name: "s" } }),
      invoke: {
        id: "kid",
        src: "child",
        input: { name: "k" },
        onDone: {
          target: "empty",
          actions: assign({ output: ({ event }) => event.output }),
        },
      },
      on: {
        KID: { actions: sendTo("kid", { type: "GREET" }) },
        BOTH: {
          actions: [
            sendTo("kid", { type: "GREET" }),
            sendTo("spawned", { type: "GREET" }),
          ],
        },
        BYE: { actions: sendTo("kid", { type: "END" }) },
        OUT: { actions: stopChild("spawned") },
      },
    },
    empty: {},
  },
});

test("children live in the record of their parent, with what they say to each other and their timers", () => {
  const actor = actorOf(family);
  const begun = actor.send("KID");
  assert.equal(of(begun, "timer").length, 2, "one of each child");
  const heard = (step: Step) =>
    (step.state.snapshot as unknown as { context: { heard: string[] } }).context
      .heard;
  assert.deepEqual(heard(begun), ["k 1"]);
  assert.deepEqual(heard(actor.send("BOTH")), ["k 1", "k 2", "s 1"]);
  assert.equal(of(actor.send("OUT"), "forget").length, 1);
  const bye = actor.send("BYE");
  assert.equal(actor.state, "empty");
  assert.equal(bye.state.timers.length, 0);
  const { context } = bye.state.snapshot as unknown as {
    context: { output: number };
  };
  assert.equal(context.output, 2);
});

test("a child's timer reaches the child", () => {
  const actor = actorOf(family);
  const { timers } = actor.send("NOTHING").state;
  const ofKid = timers.find(({ target }) => target[0] === "kid");
  actor.fire(ofKid!.task);
  assert.equal(actor.state, "empty");
});

const caller = setup({
  types: { context: {} as { result: unknown } },
  actors: { pay: callSkill("bank.pay", { deadline: "1s", priority: "high" }) },
}).createMachine({
  context: { result: undefined },
  initial: "idle",
  states: {
    idle: { on: { PAY: "paying", SKIP: "gone" } },
    gone: { always: "passing" },
    passing: { invoke: { src: "pay" }, always: "idle" },
    paying: {
      invoke: {
        id: "pay",
        src: "pay",
        input: () => ({ amount: 1 }),
        onDone: {
          target: "idle",
          actions: assign({ result: ({ event }) => event.output }),
        },
        onError: {
          target: "idle",
          actions: assign({ result: ({ event }) => event.error }),
        },
      },
      on: { LEAVE: "idle", AGAIN: { target: "paying", reenter: true } },
    },
  },
});

test("a call is an effect once; its end comes as its actor's, and leaving its state cancels it", () => {
  const actor = actorOf(caller);
  const [call] = of(actor.send("PAY"), "call");
  assert.deepEqual(
    { ...call, task: "" },
    {
      kind: "call",
      task: "",
      agent: "bank",
      skill: "pay",
      input: { amount: 1 },
      checked: false,
      stateful: false,
      level: "high",
      deadlineAt: 2_000,
    },
  );
  assert.deepEqual(actor.send("NOTHING").effects, []);
  const settled = actor.handle({
    kind: "settled",
    task: call!.task,
    outcome: { state: "completed", output: { paid: true } },
  });
  assert.deepEqual([actor.state, settled.effects], ["idle", []]);
  const [second] = of(actor.send("PAY"), "call");
  const again = actor.send("AGAIN");
  assert.equal(of(again, "call").length, 1);
  assert.deepEqual(of(again, "cancel"), [
    { kind: "cancel", task: second?.task, agent: "bank" },
  ]);
  assert.equal(of(actor.send("LEAVE"), "cancel").length, 1);
  const late = actor.handle({
    kind: "settled",
    task: second!.task,
    outcome: { state: "completed", output: 1 },
  });
  assert.equal(late.changed, false);
});

test("a call that was given up in the same step was never begun", () => {
  assert.deepEqual(actorOf(caller).send("SKIP").effects, []);
});

test("a call that fails is an error as plain data, which the record keeps", () => {
  const actor = actorOf(caller);
  const [call] = of(actor.send("PAY"), "call");
  actor.handle({
    kind: "settled",
    task: call!.task,
    outcome: { state: "failed", error: new TroupeError("TIMED_OUT", "slow") },
  });
  const { snapshot } = actor.send("NOTHING").state;
  const { result } = (snapshot as unknown as { context: { result: unknown } })
    .context;
  assert.deepEqual(result, {
    name: "TroupeError",
    code: "TIMED_OUT",
    message: "slow",
    retryable: true,
  });
});

test("a failed call without onError fails the message that tells of it, for good", () => {
  const machine = setup({
    actors: { pay: callSkill("bank.pay") },
  }).createMachine({
    invoke: { id: "pay", src: "pay" },
  });
  const actor = actorOf(machine);
  const [call] = of(actor.send("GO"), "call");
  assert.throws(
    () =>
      actor.handle({
        kind: "settled",
        task: call!.task,
        outcome: { state: "failed", error: new TroupeError("TIMED_OUT", "x") },
      }),
    { code: "HANDLER_REFUSED", message: /no onError.*TIMED_OUT: x/ },
  );
});

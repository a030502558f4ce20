// A stateful agent for tests: an order that is paid by another agent, times out, and has a parcel of its own.
import { assign, emit, sendTo, setup } from "xstate";
import { z } from "zod";
import { agent, callSkill, skill } from "../../index.js";

export const payment = agent("payment", {
  skills: {
    charge: skill({
      description: "Takes money",
      input: z.object({ amount: z.number().positive() }),
      output: z.object({ receipt: z.string() }),
      retry: { attempts: 1 },
      async run({ amount }, task) {
        await Promise.resolve();
        if (amount === 13) throw new Error("no luck");
        return { receipt: `${task.context} ${amount}` };
      },
    }),
  },
});

const parcel = setup({
  types: {
    events: {} as { type: "SHIP" },
    output: {} as { weight: number },
  },
}).createMachine({
  id: "parcel",
  initial: "packing",
  states: {
    packing: { on: { SHIP: "shipped" } },
    shipped: { type: "final" },
  },
  output: { weight: 3 },
});

const orderMachine = setup({
  types: {
    context: {} as {
      id: string;
      items: string[];
      receipt: string;
      problem: string;
      at: Date | undefined;
    },
    input: {} as { id: string },
    output: {} as { items: number },
    events: {} as
      | { type: "ADD"; item: string }
      | { type: "PAY"; amount: number }
      | { type: "SHIP" }
      | { type: "BREAK" }
      | { type: "CANCEL" },
    emitted: {} as
      { type: "added"; count: number } | { type: "paid"; receipt: string },
  },
  actors: { charge: callSkill(payment.skills.charge), parcel },
  delays: {
    patience: ({ context }) => (context.id.startsWith("patient") ? 3_000 : 400),
  },
}).createMachine({
  id: "order",
  context: ({ input }) => ({
    id: input.id,
    items: [],
    receipt: "",
    problem: "",
    at: undefined,
  }),
  initial: "open",
  states: {
    open: {
      on: {
        ADD: {
          actions: [
            assign({
              items: ({ context, event }) => [...context.items, event.item],
              at: () => new Date(0),
            }),
            emit(({ context }) => ({
              type: "added",
              count: context.items.length,
            })),
          ],
        },
        PAY: { target: "paying" },
        BREAK: {
          actions: assign(() => {
            throw new Error("a broken assign");
          }),
        },
        CANCEL: "canceled",
      },
    },
    paying: {
      invoke: {
        id: "charge",
        src: "charge",
        input: ({ event }) => ({
          amount: event.type === "PAY" ? event.amount : 0,
        }),
        onDone: {
          target: "packing",
          actions: [
            assign({ receipt: ({ event }) => event.output.receipt }),
            emit(({ context }) => ({ type: "paid", receipt: context.receipt })),
          ],
        },
        onError: {
          target: "open",
          actions: assign({
            problem: ({ event }) => (event.error as Error).message,
          }),
        },
      },
      on: { CANCEL: "canceled" },
    },
    packing: {
      invoke: { id: "parcel", src: "parcel", onDone: "done" },
      on: { SHIP: { actions: sendTo("parcel", { type: "SHIP" }) } },
      after: { patience: "late" },
    },
    late: { on: { SHIP: "done" } },
    canceled: { type: "final" },
    done: { type: "final" },
  },
  output: ({ context }) => ({ items: context.items.length }),
});

export const order = agent("order", {
  description: "An order",
  machine: orderMachine,
  events: {
    PAY: z.object({ amount: z.number() }).describe("Pays for the order"),
  },
  retry: { attempts: 2, first: "10ms" },
});

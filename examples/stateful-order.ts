// A stateful agent: an order that is paid by calling another agent, reminds of itself, and has a parcel of its own. Each
// order is one actor of the machine. Between its events it is nothing but a record on the server.
import { assign, emit, sendTo, setup } from "xstate";
import { z } from "zod";
import { agent, callSkill, connect, skill } from "../index.js";

const payment = agent("payment", {
  skills: {
    charge: skill({
      description: "Takes money from a card",
      input: z.object({ card: z.string(), amount: z.number() }),
      output: z.object({ receipt: z.string() }),
      run({ card, amount }, task) {
        return { receipt: `${amount} from ${card} for ${task.context}` };
      },
    }),
  },
});

// A child is a machine like any other; it lives in the record of its parent.
const parcel = setup({
  types: {
    events: {} as { type: "PACK"; item: string } | { type: "CLOSE" },
    output: {} as string[],
  },
}).createMachine({
  context: { items: [] as string[] },
  initial: "open",
  states: {
    open: {
      on: {
        PACK: {
          actions: assign({
            items: ({ context, event }) => [...context.items, event.item],
          }),
        },
        CLOSE: "closed",
      },
    },
    closed: { type: "final" },
  },
  output: ({ context }) => context.items,
});

const machine = setup({
  types: {
    context: {} as { id: string; total: number; receipt?: string },
    input: {} as { id: string },
    events: {} as
      | { type: "ADD"; item: string; price: number }
      | { type: "PAY"; card: string },
    emitted: {} as
      | { type: "reminder"; total: number }
      | { type: "paid"; receipt: string }
      | { type: "shipped"; items: string[] },
  },
  actors: { charge: callSkill(payment.skills.charge), parcel },
}).createMachine({
  context: ({ input }) => ({ id: input.id, total: 0 }),
  initial: "shopping",
  invoke: {
    id: "parcel",
    src: "parcel",
    onDone: {
      target: ".shipped",
      actions: emit(({ event }) => ({ type: "shipped", items: event.output })),
    },
  },
  states: {
    shopping: {
      on: {
        ADD: {
          actions: [
            assign({
              total: ({ context, event }) => context.total + event.price,
            }),
            sendTo("parcel", ({ event }) => ({
              type: "PACK",
              item: event.item,
            })),
          ],
        },
        PAY: "paying",
      },
      // It is kept by the server, not by this process: days are as good as milliseconds.
      after: {
        300: {
          actions: emit(({ context }) => ({
            type: "reminder",
            total: context.total,
          })),
        },
      },
    },
    paying: {
      invoke: {
        src: "charge",
        input: ({ context, event }) => ({
          card: event.type === "PAY" ? event.card : "",
          amount: context.total,
        }),
        onDone: {
          target: "packed",
          actions: [
            assign({ receipt: ({ event }) => event.output.receipt }),
            emit(({ event }) => ({
              type: "paid",
              receipt: event.output.receipt,
            })),
          ],
        },
        onError: "shopping",
      },
    },
    packed: { entry: sendTo("parcel", { type: "CLOSE" }) },
    shipped: { type: "final" },
  },
});

const order = agent("order", {
  description: "Orders, one a context",
  machine,
  events: { ADD: z.object({ item: z.string(), price: z.number().positive() }) },
});

await using bus = await connect();
await using _payments = await bus.serve(payment);
await using _orders = await bus.serve(order);

const context = bus.context(order, `order-${Date.now()}`);
const first = await context.call({ type: "ADD", item: "hat", price: 20 });
console.log("after the first event:", first.state);
await context.send({ type: "ADD", item: "scarf", price: 15 });

for await (const { event } of context.emitted({ follow: true })) {
  if (event.type === "reminder") {
    console.log(`reminded of ${event.total}`);
    await context.send({ type: "PAY", card: "4711" });
  } else if (event.type === "paid") {
    console.log(`paid ${event.receipt.replace(context.id, "the order")}`);
  } else {
    console.log(`shipped ${event.items.join(" and ")}`);
    break;
  }
}
const snapshot = await context.snapshot();
console.log("in the end:", snapshot?.status, snapshot?.context.total);

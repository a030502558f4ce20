// A stateful agent that rings some time after it was set, and says both on the log.
import { assign, emit, setup } from "xstate";
import { agent } from "../../index.js";

export const ringsAfterMs = 1_000;

const machine = setup({
  types: {
    context: {} as { rang: number },
    events: {} as { type: "SET" },
    emitted: {} as { type: "set" } | { type: "rang" },
  },
}).createMachine({
  context: { rang: 0 },
  initial: "quiet",
  states: {
    quiet: { on: { SET: "set" } },
    set: {
      entry: emit({ type: "set" }),
      after: {
        [ringsAfterMs]: {
          target: "quiet",
          actions: [
            assign({ rang: ({ context }) => context.rang + 1 }),
            emit({ type: "rang" }),
          ],
        },
      },
    },
  },
});

export const alarm = agent("alarm", { machine, sleepAfter: "200ms" });

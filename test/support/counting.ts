import { assign, setup } from "xstate";

/** Sums up what it is given, and ends when it is told. */
export const counting = (fails: (n: number) => void) =>
  setup({
    types: {
      context: {} as { sum: number },
      events: {} as { type: "ADD"; n: number } | { type: "END" },
    },
  }).createMachine({
    context: { sum: 0 },
    initial: "on",
    states: {
      on: {
        on: {
          ADD: {
            actions: assign({
              sum: ({ context, event }) => {
                fails(event.n);
                return context.sum + event.n;
              },
            }),
          },
          END: "off",
        },
      },
      off: { type: "final" },
    },
  });

export const retry = { attempts: 2, first: "10ms" } as const;

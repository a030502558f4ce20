// A stateful agent whose snapshot tells which events made it, and in which order.
import { assign, emit, setup } from "xstate";
import { z } from "zod";
import { agent } from "../../index.js";

interface TallyState {
  count: number;
  digest: number;
}

export const emptyTally: TallyState = { count: 0, digest: 7 };

/** The fold that the machine makes of its events, in the order in which they came. */
export function fold(state: TallyState, n: number): TallyState {
  const digest = (Math.imul(state.digest, 31) + n) >>> 0;
  return { count: state.count + 1, digest };
}

/** What its own action does: nothing, unless a process says otherwise. */
export const doing = { added: (_n: number): void => undefined };

export const tallyMachine = setup({
  types: {
    context: {} as TallyState,
    events: {} as { type: "ADD"; n: number },
    emitted: {} as { type: "added"; n: number; count: number },
  },
}).createMachine({
  context: emptyTally,
  on: {
    ADD: {
      actions: [
        assign(({ context, event }) => fold(context, event.n)),
        emit(({ context, event }) => ({
          type: "added",
          n: event.n,
          count: context.count,
        })),
        ({ event }) => doing.added(event.n),
      ],
    },
  },
});

export const tally = agent("tally", {
  machine: tallyMachine,
  events: { ADD: z.object({ n: z.number() }) },
  sleepAfter: "400ms",
  retry: { crashes: 1_000 },
});

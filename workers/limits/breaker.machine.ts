// The breaker of a skill: it keeps tasks from a skill that fails, and lets a few through to see whether it works
// again. One breaker serves all instances of an agent in a lane, so its state lies in a bucket
// (workers/limits/breaker.ts), and each event is decided on the state that is stored there.
//
// - **closed**: everything passes. Entered at the start, and from half-open when all probes went well. A failure is
//   remembered with its time; when as many as `failures` lie within `within`, it opens. Successes are ignored: they
//   do not make up for failures that are still young.
// - **open**: nothing passes. Left for half-open by the first who asks after the rest is over. How tasks end that were
//   begun before it opened is ignored.
// - **half-open**: as many tasks as `probes` says pass, each under an id of its own; who else asks is ignored and asks
//   again. A probe asks again as long as it is under way. When that many have succeeded it closes; when one fails
//   it opens for another rest. A probe that says nothing of the skill (its task was given back, or had ended before)
//   makes room for another; so does one that is not heard of for `probeMs`, since its worker has died. How other
//   tasks end is ignored.
//
// Time comes with the events, so that the machine is pure: `at` is when it happened.
import { assign, setup, transition, type SnapshotFrom } from "xstate";

export interface BreakerRules {
  /** So many failures … */
  failures: number;
  /** … within so long open it. */
  withinMs: number;
  restMs: number;
  probes: number;
  /** After so long without a word a probe counts as lost. */
  probeMs: number;
}

type BreakerStateName = "closed" | "open" | "half-open";

interface Probe {
  id: string;
  until: number;
}

/** What is stored and shared. */
export interface BreakerState {
  is: BreakerStateName;
  /** When the failures happened that still count. */
  failures: number[];
  openedAt: number;
  /** Under way. */
  probes: Probe[];
  succeeded: number;
}

export type BreakerEvent =
  | { type: "failed"; at: number; probe?: string | undefined }
  | { type: "succeeded"; at: number; probe?: string | undefined }
  /** A probe ended without a word about the skill. */
  | { type: "abandoned"; at: number; probe: string }
  /** A task asks to pass as a probe, under this id. */
  | { type: "asked"; at: number; probe: string };

type Context = Omit<BreakerState, "is"> & { rules: BreakerRules };

export const breakerMachine = setup({
  types: {
    context: {} as Context,
    events: {} as BreakerEvent,
    input: {} as BreakerRules,
  },
  guards: {
    isOneTooMany: ({ context, event }) =>
      recent(context, event.at).length + 1 >= context.rules.failures,
    hasRested: ({ context: { openedAt, rules }, event }) =>
      event.at >= openedAt + rules.restMs,
    hasRoom: ({ context, event }) =>
      underWay(context, event.at).length + context.succeeded <
      context.rules.probes,
    isProbe: ({ context, event }) =>
      context.probes.some(({ id }) => id === event.probe),
    isLastProbe: ({ context, event }) =>
      context.probes.some(({ id }) => id === event.probe) &&
      context.succeeded + 1 >= context.rules.probes,
  },
  actions: {
    remember: assign({
      failures: ({ context, event }) => [
        ...recent(context, event.at),
        event.at,
      ],
    }),
    rest: assign({
      failures: [],
      openedAt: ({ event }) => event.at,
      probes: [],
      succeeded: 0,
    }),
    letThrough: assign({
      probes: ({ context, event }) => [
        ...underWay(context, event.at),
        {
          id: event.probe ?? "",
          until: event.at + context.rules.probeMs,
        },
      ],
    }),
    succeed: assign({ succeeded: ({ context }) => context.succeeded + 1 }),
    forget: assign({
      probes: ({ context, event }) =>
        context.probes.filter(({ id }) => id !== event.probe),
    }),
    startOver: assign({ failures: [], openedAt: 0, probes: [], succeeded: 0 }),
  },
}).createMachine({
  id: "breaker",
  context: ({ input }) => ({ ...nothing, rules: input }),
  initial: "closed",
  states: {
    closed: {
      on: {
        failed: [
          { guard: "isOneTooMany", target: "open", actions: "rest" },
          { actions: "remember" },
        ],
      },
    },
    open: {
      on: {
        asked: {
          guard: "hasRested",
          target: "half-open",
          actions: "letThrough",
        },
      },
    },
    "half-open": {
      on: {
        asked: [
          { guard: "isProbe", actions: ["forget", "letThrough"] },
          { guard: "hasRoom", actions: "letThrough" },
        ],
        succeeded: [
          { guard: "isLastProbe", target: "closed", actions: "startOver" },
          { guard: "isProbe", actions: ["succeed", "forget"] },
        ],
        failed: { guard: "isProbe", target: "open", actions: "rest" },
        abandoned: { actions: "forget" },
      },
    },
  },
});

const nothing = { failures: [], openedAt: 0, probes: [], succeeded: 0 };

export const closedBreaker: BreakerState = { is: "closed", ...nothing };

/** What the breaker is after an event. Pure. */
export function stepBreaker(
  { is, ...rest }: BreakerState,
  rules: BreakerRules,
  event: BreakerEvent,
): BreakerState {
  const snapshot = breakerMachine.resolveState({
    value: is,
    context: { ...rest, rules },
  });
  const [next] = transition(breakerMachine, snapshot, event) as [
    SnapshotFrom<typeof breakerMachine>,
    unknown,
  ];
  const { failures, openedAt, probes, succeeded } = next.context;
  return { is: next.value, failures, openedAt, probes, succeeded };
}

function recent({ failures, rules }: Context, at: number): number[] {
  return failures
    .filter((failedAt) => failedAt > at - rules.withinMs)
    .slice(-rules.failures);
}

function underWay({ probes }: Context, at: number): Probe[] {
  return probes.filter(({ until }) => until > at);
}

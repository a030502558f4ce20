// One instance of an agent, from its start to its end.
//
// - **starting**: its queue and its consumers are made. Left by `prepared`.
// - **registering**: it announces its agent's card and asks whether the agent is paused. Left by `resume` when it
//   is not and by `pause` when it is: both lead to serving.
// - **serving**: it can be found, it shows that it lives, and three things are told of it at a time:
//   - **work**: `idle` until the first task is `taken`, `busy` until the last in hand is done with (`emptied`).
//   - **order**: `taking` tasks, or `paused` from `pause` to `resume`. Tasks in hand finish.
//   - **health**: `well`, or `degraded` from `troubled` to `recovered`: its connection is away, the log cannot be
//     written, or its event loop is blocked.
// - **draining**: by `drain`, from wherever it is. It takes nothing new, finishes what it has in hand, and says
//   goodbye. Ignores all but `drained`.
// - **stopped**: nothing leads out of it.
//
// It takes tasks where it is both taking and well, so that others do where it is not; that is what its card
// calls `ready`. A `pause` or `resume` that says what is so already is ignored, and so is more trouble of one
// who has some.
//
// An instance does not hibernate: while it is idle it costs a parked request a level and a heartbeat. What
// sleeps and is awakened are the actors of a stateful agent, one a context.
import { setup } from "xstate";
import type { InstanceCard } from "../protocol/card.js";
import {
  tabulate,
  type EventName,
  type Lifetime,
  type StatePath,
} from "../protocol/lifecycle.js";

export const workerMachine = setup({
  types: {
    events: {} as {
      type:
        | "prepared"
        | "resume"
        | "pause"
        | "taken"
        | "emptied"
        | "troubled"
        | "recovered"
        | "drain"
        | "drained";
    },
  },
}).createMachine({
  id: "worker",
  initial: "starting",
  states: {
    starting: { on: { prepared: "registering", drain: "draining" } },
    registering: {
      on: {
        resume: "serving",
        pause: "#worker.serving.order.paused",
        drain: "draining",
      },
    },
    serving: {
      type: "parallel",
      on: { drain: "draining" },
      states: {
        work: {
          initial: "idle",
          states: {
            idle: { on: { taken: "busy" } },
            busy: { on: { emptied: "idle" } },
          },
        },
        order: {
          initial: "taking",
          states: {
            taking: { on: { pause: "paused" } },
            paused: { on: { resume: "taking" } },
          },
        },
        health: {
          initial: "well",
          states: {
            well: { on: { troubled: "degraded" } },
            degraded: { on: { recovered: "well" } },
          },
        },
      },
    },
    draining: { on: { drained: "stopped" } },
    stopped: { type: "final" },
  },
});

export const workerLifecycle = tabulate(workerMachine);
export type WorkerStep = EventName<typeof workerMachine>;
type WorkerLifetime = Lifetime<StatePath<typeof workerMachine>, WorkerStep>;

export function takesTasks(worker: WorkerLifetime): boolean {
  return worker.in("serving.order.taking") && worker.in("serving.health.well");
}

/** In one word, for its card. That it is paused says more than that it would be degraded if it were not. */
export function stateOnCard(worker: WorkerLifetime): InstanceCard["state"] {
  if (worker.in("serving.order.paused")) return "paused";
  if (worker.in("serving.health.degraded")) return "degraded";
  return worker.in("serving") ? "ready" : (worker.name as "starting");
}

// One orchestrator, of which several may run.
//
// - **starting**: it is connecting to what it needs. Left by `opened`.
// - **recovering**: it folds the newest part of the log. It neither answers nor leads: others do meanwhile, and
//   who asks it none the less waits. Left by `recovered`. Entered again by `cut`, when the log turns out to be
//   another one than was folded.
// - **standby**: it answers, follows the log, and asks for the lease. Left by `taken`, when it has got it.
// - **leading**: it does all that and what only one may do. Left by `lost`: the lease ran out, another has it, or
//   a duty failed too often.
// - **draining**: by `stop`, from wherever it is. Its duties end, the lease is given back, and what was asked is
//   answered. Ignores all but `drained`.
// - **stopped**: nothing leads out of it.
//
// A `taken` that comes when it is no longer in standby, and a `lost` when it does not lead, are ignored.
import { setup } from "xstate";
import {
  tabulate,
  type EventName,
  type Lifetime,
  type StatePath,
} from "../protocol/lifecycle.js";

export const orchestratorMachine = setup({
  types: {
    events: {} as {
      type:
        "opened" | "recovered" | "taken" | "lost" | "cut" | "stop" | "drained";
    },
  },
}).createMachine({
  id: "orchestrator",
  initial: "starting",
  states: {
    starting: { on: { opened: "recovering", stop: "draining" } },
    recovering: { on: { recovered: "standby", stop: "draining" } },
    standby: { on: { taken: "leading", cut: "recovering", stop: "draining" } },
    leading: { on: { lost: "standby", cut: "recovering", stop: "draining" } },
    draining: { on: { drained: "stopped" } },
    stopped: { type: "final" },
  },
});

export const orchestratorLifecycle = tabulate(orchestratorMachine);
export type OrchestratorState = StatePath<typeof orchestratorMachine>;
export type OrchestratorLifetime = Lifetime<
  OrchestratorState,
  EventName<typeof orchestratorMachine>
>;

// The life of a task, in the states of A2A. Its events are the kinds of what the log says of it, and
// `delivered`, which the log does not say of a first attempt: only its queue knows.
//
// - **submitted**: the server has stored it. It is left by its first delivery, or by an end that comes before
//   one: canceled, or its deadline has passed. A delay and the wait for a worker are spent here.
// - **working**: it was handed to an instance. The pause before its next attempt counts as working, too, and so
//   do its return by a worker that stops and the wait for its fallback: none brings it back to submitted.
// - **input-required** and **auth-required**: its handler waits for what only somebody else can give. Left by
//   whatever is done next, and by any end.
// - **completed**, **failed**, **canceled**, **rejected**: the end. The first to be stored stands (R2): all
//   events that come after it are ignored.
import { setup } from "xstate";
import { tabulate, type StatePath } from "./lifecycle.js";

const ends = {
  completed: "completed",
  failed: "failed",
  canceled: "canceled",
  rejected: "rejected",
} as const;

const work = {
  delivered: "working",
  started: "working",
  attempt: "working",
  returned: "working",
  fallback: "working",
  progress: "working",
} as const;

const questions = {
  "input-required": "input-required",
  "auth-required": "auth-required",
} as const;

type Kind = keyof typeof work | keyof typeof questions | keyof typeof ends;

export const taskMachine = setup({
  types: { events: {} as { type: Kind } },
}).createMachine({
  id: "task",
  initial: "submitted",
  states: {
    submitted: { on: { ...work, ...questions, ...ends } },
    working: { on: { ...work, ...questions, ...ends } },
    "input-required": { on: { ...work, ...questions, ...ends } },
    "auth-required": { on: { ...work, ...questions, ...ends } },
    completed: { type: "final" },
    failed: { type: "final" },
    canceled: { type: "final" },
    rejected: { type: "final" },
  },
});

export const taskLifecycle = tabulate(taskMachine);
export type TaskState = StatePath<typeof taskMachine>;

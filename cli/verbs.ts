// The verbs by name. Each is loaded only when it is called, so that `troupe --help` is quick.
import type { Verb } from "./verb.js";

interface Listed {
  summary: string;
  load: () => Promise<Verb>;
}

export const verbs: Readonly<Record<string, Listed>> = {
  dev: {
    summary: "A bus with demo agents; --once takes the tour",
    load: async () => (await import("./dev.js")).dev,
  },
  work: {
    summary: "Serve the agents that modules export",
    load: async () => (await import("./work.js")).work,
  },
  up: {
    summary: "Run an orchestrator; several may run, one leads",
    load: async () => (await import("./up.js")).up,
  },
  submit: {
    summary: "Submit a durable task",
    load: async () => (await import("./submit.js")).submit,
  },
  ask: {
    summary: "Request-reply, not stored",
    load: async () => (await import("./ask.js")).ask,
  },
  route: {
    summary: "Who would get a task, and why",
    load: async () => (await import("./route.js")).route,
  },
  tasks: {
    summary: "List, show and cancel tasks",
    load: async () => (await import("./tasks.js")).tasks,
  },
  journal: {
    summary: "What a task has done, step by step",
    load: async () => (await import("./journal.js")).journal,
  },
  signal: {
    summary: "Send a value to a task that waits for it",
    load: async () => (await import("./signal.js")).signal,
  },
  tail: {
    summary: "Follow what happens, live",
    load: async () => (await import("./tail.js")).tail,
  },
  replay: {
    summary: "What happened, from the log",
    load: async () => (await import("./replay.js")).replay,
  },
  dead: {
    summary: "Read, redrive and purge dead letters",
    load: async () => (await import("./dead.js")).dead,
  },
  agents: {
    summary: "List, show, pause, resume and drain agents",
    load: async () => (await import("./agents.js")).agents,
  },
  lanes: {
    summary: "Versions of an agent side by side: split, promote, roll back",
    load: async () => (await import("./lanes.js")).lanes,
  },
  schedules: {
    summary: "Tasks by the clock: list, show, add, pause, resume, rm, fire",
    load: async () => (await import("./schedules.js")).schedules,
  },
  plan: {
    summary: "Work as data: check, draw, run and keep plans",
    load: async () => (await import("./plan.js")).plan,
  },
  doctor: {
    summary: "Check that all that Troupe needs is there",
    load: async () => (await import("./doctor.js")).doctor,
  },
};

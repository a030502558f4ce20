// Who takes part. Adding a contestant is one line here and one module (see bench/contestant.ts).
import type { Contestant, Group } from "./contestant.js";

const fileStorage = "process (file storage)";
const notStored = "none (not stored)";

const tasks: Contestant[] = [
  {
    name: "troupe",
    group: "tasks",
    title: "Troupe",
    durability: fileStorage,
    server: "nats",
    module: "./troupe-tasks.js",
  },
  {
    name: "raw",
    group: "tasks",
    title: "raw NATS client",
    durability: fileStorage,
    server: "nats",
    module: "./raw.js",
  },
  {
    name: "bullmq",
    group: "tasks",
    title: "BullMQ on Redis",
    durability: "AOF everysec (nearest to process)",
    server: "redis",
    module: "../../bench/peers/bullmq.mjs",
  },
];

const ask: Contestant[] = [
  {
    name: "troupe-ask",
    group: "ask",
    title: "Troupe",
    durability: notStored,
    server: "nats",
    module: "./troupe-ask.js",
  },
  {
    name: "request",
    group: "ask",
    title: "nc.request()",
    durability: notStored,
    server: "nats",
    module: "./request.js",
  },
  {
    name: "moleculer",
    group: "ask",
    title: "Moleculer on NATS",
    durability: notStored,
    server: "nats",
    module: "../../bench/peers/moleculer.mjs",
  },
];

const growth: Contestant[] = [
  grown("growth-10", 10, 0),
  grown("growth-100", 100, 0),
  grown("growth-500", 500, 0),
  grown("growth-backlog", 10, 200_000),
];

/** One of Troupe's rows about growth: the module is that of its durable tasks. */
function grown(name: string, agents: number, backlog: number): Contestant {
  const queue =
    backlog === 0
      ? "empty queue"
      : `backlog of ${backlog.toLocaleString("en")}`;
  const title = `Troupe, ${agents} agents, ${queue}`;
  return {
    name,
    group: "growth",
    title,
    durability: fileStorage,
    server: "nats",
    module: "./troupe-tasks.js",
    agents,
    backlog,
  };
}

export const contestants: readonly Contestant[] = [...tasks, ...ask, ...growth];

export const groups: readonly Group[] = ["tasks", "ask", "growth"];

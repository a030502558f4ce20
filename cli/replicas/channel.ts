// What a replica and its supervisor say to each other, over the channel that Node puts between a process and
// its child. When either dies, in whatever way, the channel closes and the other knows.
import { z } from "zod";

/** Says to `troupe work` that it is a replica, and which. */
export const replicaVariable = "TROUPE_REPLICA";

const served = z.object({
  agent: z.string(),
  instance: z.string(),
  lane: z.string(),
  concurrency: z.number(),
  running: z.number(),
  /** Deliveries that it is done with. */
  ended: z.number(),
});
export type Served = z.infer<typeof served>;

/** Told when it takes tasks, and from then on twice a second. */
export const heartbeat = z.object({
  serving: z.array(served),
  /** How busy its event loop was since the last: 0 to 1. */
  loop: z.number(),
  /** How many cores it has used since the last. */
  cpu: z.number(),
});
export type Heartbeat = z.infer<typeof heartbeat>;

export const heartbeatMs = 500;

/** All that a supervisor ever asks for. */
export const drain = "drain";

// What the orchestrator can be asked, as skills of the agent "orchestrator": names, what they take and what
// they answer. Times are ISO texts, so that a client in any language can ask; troupe.ts makes dates of them.
import { z } from "zod";
import { levels } from "../../protocol/levels.js";
import { orchestratorName } from "../../protocol/subjects.js";
import { taskStates } from "../../protocol/task.js";

const text = z.string().min(1);
const moment = z
  .string()
  .describe('a time as an ISO text, or how long ago: "10m", "2h", "7d"');
const limit = z.int().min(1).max(1_000).default(20);
const cursor = z.string().optional().describe("where the last answer ended");
const count = z.int().min(0);

/** Which part of the log an answer is of. */
const standing = z.object({
  from: z.int().describe("the first place of the log that was looked at"),
  to: z.int().describe("the last one"),
  behind: count.describe("how many places of the log are not yet seen"),
});

const error = z.object({ code: z.string(), message: z.string() });

const foundTask = z.object({
  taskId: z.string(),
  agent: z.string(),
  skill: z.string(),
  state: z.enum(taskStates),
  at: z.string().describe("when it ended, or else when it was stored"),
  lane: z.string().optional(),
  level: z.enum(levels).optional(),
  key: z.string().optional(),
  context: z.string().optional(),
  attempts: count,
  instance: z.string().optional().describe("who ended it, or began it last"),
  tookMs: z.number().optional().describe("how long its last attempt ran"),
  dueAt: z.string().optional().describe("until then a timer keeps it"),
  waitsFor: z
    .string()
    .optional()
    .describe("it has left its worker until that, or dueAt"),
  retryAt: z.string().optional(),
  deadline: z.string().optional(),
  error: error.optional(),
  sequence: z.int().optional().describe("where its end is on the log"),
  input: z.unknown().optional(),
  output: z.unknown().optional(),
});

const tasks = {
  input: z.object({
    agent: text.optional(),
    skill: text.optional(),
    state: z
      .union([z.enum(taskStates), z.array(z.enum(taskStates))])
      .optional(),
    task: text.optional(),
    context: text.optional(),
    lane: text.optional(),
    level: z.enum(levels).optional(),
    since: moment.optional(),
    until: moment.optional(),
    error: text.optional().describe("stands in its error's code or message"),
    order: z
      .enum(["newest", "oldest", "slowest"])
      .default("newest")
      .describe(
        "of those that ended; what waits comes first, next first, but for slowest, unless a state is asked for",
      ),
    values: z.boolean().default(false).describe("inputs and outputs as well"),
    limit,
    cursor,
  }),
  output: z.object({
    tasks: z.array(foundTask),
    cursor,
    log: standing,
  }),
};

const tally = z.object({
  completed: count,
  failed: count,
  canceled: count,
  rejected: count,
  retried: count.describe("attempts that failed and were tried again"),
  p50Ms: z.number().describe("how long attempts that completed took"),
  p95Ms: z.number(),
  p99Ms: z.number(),
});
export type Tally = z.infer<typeof tally>;

const foundAgent = z.object({
  name: z.string(),
  lane: z.string(),
  version: z.string(),
  description: z.string(),
  labels: z.record(z.string(), z.string()),
  instances: z.array(
    z.object({
      instance: z.string(),
      version: z.string(),
      state: z.string(),
      concurrency: count,
      running: count,
      latencyMs: z.number().optional(),
      startedAt: z.string(),
      pid: z.int(),
    }),
  ),
  load: z.number().describe("tasks in hand as a part of what fits in"),
  waiting: count.describe("in the agent's queue, of all lanes, or in hand"),
  ended: tally,
  skills: z.array(z.object({ skill: z.string(), ended: tally })),
});

const agents = {
  input: z.object({
    agent: text.optional(),
    lane: text.optional(),
    limit: z.int().min(1).max(200).default(100),
    cursor,
  }),
  output: z.object({ agents: z.array(foundAgent), cursor, log: standing }),
};

const contexts = {
  input: z.object({
    agent: text.optional(),
    context: text.optional(),
    since: moment.optional(),
    limit,
    cursor,
  }),
  output: z.object({
    contexts: z.array(
      z.object({
        context: z.string(),
        agents: z.array(z.string()),
        completed: count,
        failed: count.describe("failed, canceled or rejected"),
        open: count.describe("begun before, and not ended yet"),
        firstAt: z.string(),
        lastAt: z.string(),
      }),
    ),
    cursor,
    log: standing,
  }),
};

const deadLetters = {
  input: z.object({
    agent: text.optional(),
    skill: text.optional(),
    task: text.optional(),
    code: text.optional(),
    error: text.optional().describe("stands in its error's message"),
    since: moment.optional(),
    until: moment.optional(),
    order: z.enum(["newest", "oldest"]).default("newest"),
    limit,
    cursor,
  }),
  output: z.object({
    letters: z.array(
      z.object({
        taskId: z.string(),
        agent: z.string(),
        skill: z.string(),
        code: z.string(),
        error: z.string(),
        attempts: count,
        at: z.string(),
        sequence: z.int(),
      }),
    ),
    cursor,
    log: standing,
  }),
};

const status = {
  input: z.object({}),
  output: z.object({
    instance: z.string(),
    state: z.string(),
    leader: z.string().optional(),
    term: z.int().optional().describe("of this instance, when it leads"),
    window: z.int().describe("how many places of the log it looks back"),
    events: count.describe("how many events it holds"),
    log: standing,
  }),
};

const bind = <Name extends string, Shape extends object>(
  name: Name,
  shape: Shape,
) => ({ agent: orchestratorName, name, ...shape });

/** By which to ask: `bus.ask(queries.tasks, { … })`. */
export const queries = {
  tasks: bind("tasks", tasks),
  agents: bind("agents", agents),
  contexts: bind("contexts", contexts),
  "dead-letters": bind("dead-letters", deadLetters),
  status: bind("status", status),
};

export type Query<Name extends keyof typeof queries> = z.output<
  (typeof queries)[Name]["input"]
>;
export type Asked<Name extends keyof typeof queries> = z.input<
  (typeof queries)[Name]["input"]
>;
export type Answer<Name extends keyof typeof queries> = z.output<
  (typeof queries)[Name]["output"]
>;
export type FoundTask = z.infer<typeof foundTask>;
export type Standing = z.infer<typeof standing>;

// The steps of a plan: one shape for each kind of step, told apart by the field that names the kind.
import { z } from "zod";
import { toMs, type Duration } from "../duration.js";
import { levels } from "../levels.js";
import { condition } from "./condition.js";
import { list } from "./forms.js";

export const noName =
  'expected a name: a letter, then up to 63 letters, digits, "_" or "-"';

/** Of steps, and of the names under which a map gives its items. */
export const stepName = z.string().regex(/^[A-Za-z][\w-]{0,63}$/, noName);

const noDuration =
  'expected a duration: "250ms", "5s", "1m", "2h", "7d" or milliseconds';

/** The server knows no date after 2262. */
const longest = "36500d";
const longestMs = toMs(longest);
const tooLong = `expected at most a hundred years, "${longest}"`;

const written = /^\d+(\.\d+)?(ms|s|m|h|d)$/;
/** The same roughly, in how many digits there are, for who reads the JSON Schema alone. */
const writtenInTime =
  /^0*(\d{1,13}(\.\d+)?ms|\d{1,10}(\.\d+)?s|\d{1,8}(\.\d+)?m|\d{1,6}(\.\d+)?h|\d{1,5}(\.\d+)?d)$/;

export const duration = z.union(
  [
    z.number().min(0, noDuration).max(longestMs, tooLong),
    z
      .string()
      .regex(writtenInTime, {
        error: ({ input }) =>
          written.test(String(input)) ? tooLong : noDuration,
      })
      .refine(
        (text) =>
          !writtenInTime.test(text) || toMs(text as Duration) <= longestMs,
        tooLong,
      ),
  ],
  { error: noDuration },
);

const value = z
  .unknown()
  .describe(
    'JSON, in which {"ref": "steps.NAME…"}, {"param": "NAME"}, {"template": "… ${ref} …"} and {"literal": …} stand for values',
  );

const target = z
  .union([z.string().min(1), z.looseObject({})], {
    error:
      'expected whom to call: "agent.skill", "skill@^2", or a need such as {"text": "make this shorter"}',
  })
  .describe('"agent.skill", "skill@^2", or a need');

export const budget = z
  .strictObject({
    time: duration.optional(),
    attempts: z.int().min(1).optional(),
  })
  .describe("how long it may take in all, and how many calls it may make");

const retry = z.strictObject({
  attempts: z.int().min(1).max(100),
  first: duration.optional(),
  max: duration.optional(),
  backoff: z.enum(["exponential", "linear", "constant"]).optional(),
});

const otherwise = z
  .enum(["fail", "continue"])
  .optional()
  .describe("what becomes of the plan if not; by default it fails");

const common = {
  name: stepName,
  description: z.string().optional(),
  after: z
    .array(stepName)
    .optional()
    .describe("in a parallel: the steps that must have ended first"),
  budget: budget.optional(),
};

const calling = {
  input: value.optional(),
  timeout: duration.optional().describe("of each attempt"),
  retry: retry.optional(),
  priority: z.enum(levels).optional(),
};

const undo = z.strictObject({ call: target, input: value.optional() });

const callStep = z.strictObject({
  ...common,
  call: target,
  ...calling,
  key: value.meta({ not: { const: "" } }).optional(),
  context: value.meta({ not: { const: "" } }).optional(),
  undo: undo
    .optional()
    .describe("called if the plan fails later; may refer to its own step"),
});

const leastWeight = 1e-6;
export const mostAtLeast = 1e9;
/** Sums of what is further apart would depend on how they are rounded. */
const weight = z.number().min(leastWeight).max(1e6);

const voter = z.union(
  [
    z.string().min(1),
    z.strictObject({
      call: target,
      weight: weight.optional(),
      input: value.optional(),
    }),
  ],
  {
    error:
      'expected a voter: "agent.skill", or {"call": …, "weight": 2, "input": …}',
  },
);

const rule = z.union(
  [
    z.enum(["majority", "plurality"]),
    z.strictObject({ atLeast: z.number().min(leastWeight).max(mostAtLeast) }),
  ],
  { error: 'expected "majority", "plurality" or {"atLeast": 2}' },
);

const voteStep = z.strictObject({
  ...common,
  vote: z.array(voter).min(1),
  ...calling,
  choice: z
    .string()
    .regex(/^[^.]+(\.[^.]+)*$/, 'expected a path such as "verdict.choice"')
    .optional()
    .describe("where in a voter's result its choice stands; else all of it"),
  rule: rule.optional().describe("by default majority, of all weights"),
  otherwise,
});

const approveStep = z.strictObject({
  ...common,
  approve: value.describe("the question"),
  show: value.optional(),
  timeout: duration.optional(),
  otherwise,
});

const waiting = z.union(
  [
    duration,
    z.strictObject({ for: value }),
    z.strictObject({ until: value }),
    z.strictObject({
      signal: z
        .string()
        .min(1)
        .max(64)
        .regex(
          /^(?!\$)/,
          'expected another name: those with "$" are the bus\'s own',
        ),
      schema: z.record(z.string(), z.unknown()).optional(),
    }),
  ],
  {
    error:
      'expected a duration such as "2d", {"until": "2030-01-31T12:00:00Z"} or {"signal": "paid"}',
  },
);

const waitStep = z.strictObject({
  ...common,
  wait: waiting,
  timeout: duration.optional().describe("of a signal"),
  otherwise,
});

const valueStep = z.strictObject({ ...common, value });

const parallelStep = z.strictObject({
  ...common,
  get parallel(): Block {
    return block();
  },
});

const mapStep = z.strictObject({
  ...common,
  map: list,
  as: stepName.optional().describe('the name of an item; by default "item"'),
  concurrency: z.int().min(1).max(1_000).optional(),
  get do(): Block {
    return block();
  },
});

const whenStep = z.strictObject({
  ...common,
  when: condition,
  get do(): Block {
    return block();
  },
  get else(): z.ZodOptional<Block> {
    return block().optional();
  },
});

const groupStep = z.strictObject({
  ...common,
  get steps(): Block {
    return block();
  },
});

type Block = z.ZodArray<typeof step>;
const block = (): Block => z.array(step).min(1);

export const step = z
  .union([
    callStep,
    parallelStep,
    mapStep,
    whenStep,
    voteStep,
    approveStep,
    waitStep,
    valueStep,
    groupStep,
  ])
  .meta({ id: "step" });

export type Step = z.infer<typeof step>;
export type CallStep = z.infer<typeof callStep>;
export type MapStep = z.infer<typeof mapStep>;
export type VoteStep = z.infer<typeof voteStep>;
export type ApproveStep = z.infer<typeof approveStep>;
export type WaitStep = z.infer<typeof waitStep>;
export type Voter = z.infer<typeof voter>;
export type Rule = z.infer<typeof rule>;
export type Budget = z.infer<typeof budget>;

/** Nested steps are checked one by one, so that an error is told where it is, and depth costs no stack. */
export const unread = z
  .array(z.unknown(), "expected a list of steps")
  .min(1, "expected at least one step");

export const shapes = {
  call: callStep,
  parallel: parallelStep.extend({ parallel: unread }),
  map: mapStep.extend({ map: z.unknown(), do: unread }), // by checkLiterals
  when: whenStep.extend({
    when: z.unknown(), // by readCondition, which tells more
    do: unread,
    else: unread.optional(),
  }),
  vote: voteStep,
  approve: approveStep,
  wait: waitStep,
  value: valueStep,
  steps: groupStep.extend({ steps: unread }),
} as const;

export type Kind = keyof typeof shapes;
export const kinds = Object.keys(shapes) as Kind[];

/** Of the fields that have fields, these. */
export const innerFields: Readonly<Record<string, readonly string[]>> = {
  budget: Object.keys(budget.shape),
  retry: Object.keys(retry.shape),
  undo: Object.keys(undo.shape),
};

/** The fields that hold steps. */
export const blockFields: Readonly<Partial<Record<Kind, readonly string[]>>> = {
  parallel: ["parallel"],
  map: ["do"],
  when: ["do", "else"],
  steps: ["steps"],
};

/** Of a step that fits its shape. */
export function kindOf(step: object): Kind | undefined {
  return kinds.find((kind) => Object.hasOwn(step, kind));
}

/** Of one that may say several, which is wrong. */
export const kindsIn = (raw: object): Kind[] =>
  kinds.filter((each) => Object.hasOwn(raw, each));

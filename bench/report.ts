// From what the rounds measured to what is printed: medians for the table, and beside each goal the
// median of the rounds' ratios (both halves of a ratio stem from the same round, minutes apart at
// most, so a slow spell of the machine hits both).
import type { Contestant } from "./contestant.js";
import { quantile } from "./load.js";

/** Whose figure it is. */
interface Measuree extends Pick<Contestant, "name" | "title" | "durability"> {
  group: Contestant["group"] | "workflows";
}

/** One figure of one contestant in one round. */
export interface Sample {
  contestant: Measuree;
  round: number;
  /** What was measured, e.g. "64 in flight". */
  measure: string;
  unit: "/s" | "ms" | "µs" | "B";
  value: number;
}

export interface Absent {
  contestant: Contestant;
  reason: string;
}

interface Row {
  what: string;
  contestant: string;
  title: string;
  durability: string;
  unit: Sample["unit"];
  median: number;
  lowest: number;
  highest: number;
  rounds: number;
}

interface Ratio {
  name: string;
  goal: string;
  /** Undefined when one side was not measured. */
  value: number | undefined;
  met: boolean | undefined;
}

const groupNames = {
  tasks: "durable tasks",
  ask: "ask",
  growth: "growth",
  workflows: "workflows",
};

/** In the order of the measures' first appearance, contestants beside each other. */
export function rowsOf(samples: Sample[]): Row[] {
  const keys = new Map<string, Map<string, Sample[]>>();
  for (const sample of samples) {
    const what = `${groupNames[sample.contestant.group]}, ${sample.measure}`;
    const same = keys.get(what) ?? new Map<string, Sample[]>();
    keys.set(what, same);
    same.set(sample.contestant.name, [
      ...(same.get(sample.contestant.name) ?? []),
      sample,
    ]);
  }
  return [...keys].flatMap(([what, same]) =>
    [...same.values()].map((of) => rowOf(what, of)),
  );
}

function rowOf(what: string, samples: Sample[]): Row {
  const { contestant, unit } = samples[0]!;
  const values = samples.map((sample) => sample.value);
  return {
    what,
    contestant: contestant.name,
    title: contestant.title,
    durability: contestant.durability,
    unit,
    median: median(values),
    lowest: Math.min(...values),
    highest: Math.max(...values),
    rounds: values.length,
  };
}

export interface Goal {
  name: string;
  above: string;
  /** Without it the goal is about the figure itself. */
  below?: string;
  measure: string;
  atLeast?: number;
  atMost?: number;
}

const goals: Goal[] = [
  ...["64 in flight", "512 in flight"].flatMap((measure): Goal[] => [
    {
      name: "Troupe / raw",
      above: "troupe",
      below: "raw",
      measure,
      atLeast: 0.7,
    },
    {
      name: "Troupe / BullMQ",
      above: "troupe",
      below: "bullmq",
      measure,
      atLeast: 2.5,
    },
  ]),
  {
    name: "Troupe / raw",
    above: "troupe",
    below: "raw",
    measure: "one at a time, p50",
    atMost: 1.5,
  },
  {
    name: "Troupe / request",
    above: "troupe-ask",
    below: "request",
    measure: "256 in flight",
    atLeast: 2,
  },
  {
    name: "Troupe / Moleculer",
    above: "troupe-ask",
    below: "moleculer",
    measure: "256 in flight",
    atLeast: 1,
  },
  // The cost of a task is the inverse of the rate: less than 20 % more of it is the aim.
  ...["growth-100", "growth-500", "growth-backlog"].map((below): Goal => ({
    name: `cost, ${below} / growth-10`,
    above: "growth-10",
    below,
    measure: "64 in flight",
    atMost: 1.2,
  })),
];

export function ratiosOf(samples: Sample[], of = goals): Ratio[] {
  return of.map((goal) => {
    const value = ratioOf(samples, goal);
    const { atLeast = -Infinity, atMost = Infinity } = goal;
    return {
      name: `${goal.name}, ${goal.measure}`,
      goal: aimOf(goal),
      value,
      met:
        value === undefined || aimOf(goal) === ""
          ? undefined
          : value >= atLeast && value <= atMost,
    };
  });
}

/** Some ratios are only told. */
function aimOf({ atLeast, atMost }: Goal): string {
  if (atLeast !== undefined) return `>= ${atLeast}`;
  return atMost === undefined ? "" : `<= ${atMost}`;
}

function ratioOf(
  samples: Sample[],
  { above, below, measure }: Goal,
): number | undefined {
  const of = (name: string) =>
    samples.filter(
      (each) => each.contestant.name === name && each.measure === measure,
    );
  if (below === undefined) {
    const values = of(above).map(({ value }) => value);
    return values.length === 0 ? undefined : median(values);
  }
  const divisors = new Map(
    of(below).map((sample) => [sample.round, sample.value]),
  );
  const ratios = of(above).flatMap((sample) => {
    const divisor = divisors.get(sample.round);
    return divisor ? [sample.value / divisor] : [];
  });
  return ratios.length === 0 ? undefined : median(ratios);
}

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return (
    (quantile(sorted, 0.5) + sorted[Math.ceil(sorted.length / 2) - 1]!) / 2
  );
}

export function tableText(rows: Row[]): string {
  const cells = rows.map((row, index) => [
    row.what === rows[index - 1]?.what ? "" : row.what,
    row.title,
    row.durability,
    figure(row.median, row.unit),
    `${figure(row.lowest, row.unit)} to ${figure(row.highest, row.unit)}`,
    row.unit,
  ]);
  return aligned(
    [
      ["measured", "who", "durability", "median", "lowest to highest", ""],
      ...cells,
    ],
    [3, 4],
  );
}

export function ratiosText(ratios: Ratio[]): string {
  const cells = ratios.map(({ name, goal, value, met }) => [
    name,
    value === undefined ? "-" : value.toFixed(2),
    goal,
    value === undefined
      ? "not measured"
      : met === undefined
        ? ""
        : met
          ? "met"
          : "missed",
  ]);
  return aligned(
    [["ratio (median of the rounds' ratios)", "value", "goal", ""], ...cells],
    [1],
  );
}

function figure(value: number, unit: Sample["unit"]): string {
  return unit === "ms"
    ? value.toFixed(3)
    : Math.round(value).toLocaleString("en");
}

function aligned(lines: string[][], right: number[]): string {
  const widths = lines[0]!.map((_, column) =>
    Math.max(...lines.map((line) => line[column]!.length)),
  );
  return lines
    .map((line) =>
      line
        .map((cell, column) =>
          right.includes(column)
            ? cell.padStart(widths[column]!)
            : cell.padEnd(widths[column]!),
        )
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

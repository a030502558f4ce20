// The benchmark's section on durable workflows: Troupe, Restate and DBOS in one run, in interleaved rounds.
// What takes long (those who sleep, the long journal) is measured once, at durability `process`.
import {
  median,
  ratiosOf,
  ratiosText,
  rowsOf,
  tableText,
  type Goal,
  type Sample,
} from "../report.js";
import {
  measureRates,
  measureReplay,
  measureRest,
  measureSleeping,
  type Effort,
  type Figure,
} from "./measures.js";
import {
  participantAbsence,
  participants,
  type Participant,
} from "./participants.js";

const full: Effort = {
  rounds: 3,
  warmUpMs: 1500,
  durationMs: 4000,
  sleepers: 10_000,
  restMs: 480_000,
  steps: 10_000,
};

const quick: Effort = {
  rounds: 1,
  warmUpMs: 500,
  durationMs: 500,
  sleepers: 500,
  restMs: 2_000,
  steps: 200,
};

const rates = ["64 in flight", "512 in flight"];

const compared: Goal[] = ["process", "disk"].flatMap((durability) =>
  ["restate", "dbos"].flatMap((peer) =>
    rates.map((measure): Goal => {
      const suffix = durability === "disk" ? "-disk" : "";
      return {
        name: `Troupe / ${peer === "dbos" ? "DBOS" : "Restate"} (${durability})`,
        above: `troupe${suffix}`,
        below: `${peer}${suffix}`,
        measure,
        // On the disk nothing is promised: it is told.
        ...(durability === "process" && { atLeast: 4 }),
      };
    }),
  ),
);

const goals: Goal[] = [
  ...compared,
  ...rates.map((measure) => ({
    name: "Troupe / raw",
    above: "troupe",
    below: "raw",
    measure,
  })),
  own("one at a time, p50", 3),
  own("half the load, first step p99", 10),
  own("10,000 asleep and at rest, server's memory for each", 2000),
];

function own(measure: string, atMost: number): Goal {
  return { name: "Troupe", above: "troupe", measure, atMost };
}

export async function workflowsSection(options: {
  quick: boolean;
  json: boolean;
}): Promise<string> {
  const effort = options.quick ? quick : full;
  const run = new Run(effort);
  await run.all();
  const rows = rowsOf(run.samples);
  const ratios = ratiosOf(run.samples, goals);
  const absent = run.absences();
  if (options.json)
    return [...rows, ...ratios, ...absent]
      .map((each) => JSON.stringify({ section: "workflows", ...each }))
      .join("\n");
  return [
    "Durable workflows of three steps, and what their waiting and their journals cost",
    "",
    tableText(rows),
    ...absent.map(
      ({ absent: name, reason }) => `\nLeft out: ${name}: ${reason}`,
    ),
    "",
    ratiosText(ratios),
  ].join("\n");
}

class Run {
  readonly samples: Sample[] = [];
  readonly #reasons = new Map<Participant, string>();
  readonly #effort: Effort;

  constructor(effort: Effort) {
    this.#effort = effort;
    for (const participant of participants) {
      const reason = participantAbsence(participant);
      if (reason !== undefined) this.#reasons.set(participant, reason);
    }
  }

  absences(): { absent: string; reason: string }[] {
    return [...this.#reasons].map(([{ name }, reason]) => ({
      absent: name,
      reason,
    }));
  }

  async all(): Promise<void> {
    const effort = this.#effort;
    for (let round = 1; round <= effort.rounds; round++)
      await this.#turns("rates", participants, round, (each) =>
        measureRates(each, effort),
      );
    const inProcess = participants.filter(
      ({ durability, onlyRates }) => durability === "process" && !onlyRates,
    );
    await this.#turns("sleeping", inProcess, 1, (each) =>
      measureSleeping(each, effort, this.#rateOf(each)),
    );
    const [troupe] = inProcess;
    await this.#turns("at rest", [troupe!], 1, (each) =>
      measureRest(each, effort),
    );
    await this.#turns("replay", inProcess, 1, (each) =>
      measureReplay(each, effort),
    );
  }

  async #turns(
    what: string,
    of: readonly Participant[],
    round: number,
    measure: (participant: Participant) => Promise<Figure[]>,
  ): Promise<void> {
    for (const participant of of) {
      if (this.#reasons.has(participant)) continue;
      console.error(`round ${round}: ${participant.name}, ${what}`);
      try {
        this.#keep(participant, round, await measure(participant));
      } catch (error) {
        this.#reasons.set(participant, `${what}: ${(error as Error).message}`);
      }
    }
  }

  #keep(participant: Participant, round: number, figures: Figure[]): void {
    const { name, title, durability, setting } = participant;
    const contestant = {
      name,
      title,
      durability: `${durability} (${setting})`,
      group: "workflows" as const,
    };
    for (const figure of figures)
      this.samples.push({ contestant, round, ...figure });
  }

  #rateOf({ name }: Participant): number | undefined {
    const values = this.samples
      .filter(
        (sample) =>
          sample.contestant.name === name && sample.measure === rates[0],
      )
      .map(({ value }) => value);
    return values.length === 0 ? undefined : median(values);
  }
}

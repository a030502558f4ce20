// `npm run bench`: one table, all of it measured in one run on one machine. The rounds are
// interleaved (A B C, A B C, ...), so that a slow spell of the machine hits all alike.
//   --quick         one short round: to see that it works, not for figures to publish
//   --json          one object a line instead of the table
//   --only <name>   a contestant ("raw"), a group ("tasks"), "workflows" or "routing"; may be given several times
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { startRole, type ContestantProcess } from "./contestant-process.js";
import type { Contestant, Group, Scene } from "./contestant.js";
import { contestants, groups } from "./contestants.js";
import type { Load, Measured } from "./load.js";
import { absence } from "./peers.js";
import {
  ratiosOf,
  ratiosText,
  rowsOf,
  tableText,
  type Absent,
  type Sample,
} from "./report.js";
import { routingSection } from "./routing/section.js";
import { startServer } from "./servers.js";
import { workflowsSection } from "./workflows/section.js";

interface Phase {
  inFlight: number;
  figures: {
    measure: string;
    unit: Sample["unit"];
    value: (measured: Measured) => number;
  }[];
}

const rate = (inFlight: number): Phase => ({
  inFlight,
  figures: [
    {
      measure: `${inFlight} in flight`,
      unit: "/s",
      value: (measured) => measured.perSecond,
    },
  ],
});

const oneAtATime: Phase = {
  inFlight: 1,
  figures: [
    {
      measure: "one at a time, p50",
      unit: "ms",
      value: (measured) => measured.p50Ms,
    },
    {
      measure: "one at a time, p99",
      unit: "ms",
      value: (measured) => measured.p99Ms,
    },
  ],
};

const phases: Record<Group, Phase[]> = {
  tasks: [rate(64), rate(512), oneAtATime],
  ask: [rate(256)],
  growth: [rate(64)],
};

interface Effort {
  rounds: Record<Group, number>;
  /** Many agents take longer to be warm than one. */
  warmUpMs: Record<Group, number>;
  durationMs: number;
}

const full: Effort = {
  rounds: { tasks: 5, ask: 5, growth: 3 },
  warmUpMs: { tasks: 1000, ask: 1000, growth: 2500 },
  durationMs: 1500,
};

const quick: Effort = {
  rounds: { tasks: 1, ask: 1, growth: 1 },
  warmUpMs: { tasks: 600, ask: 600, growth: 1200 },
  durationMs: 600,
};

/** What is measured in another way than the contestants are. */
const sections = { workflows: workflowsSection, routing: routingSection };

async function main(): Promise<void> {
  const { quick: isQuick, json, only } = parseArguments();
  const effort = isQuick ? quick : full;
  const { present, absent } = takingPart(only);
  if (present.length + absent.length > 0)
    print(await runRounds(present, effort, absent), absent, json);
  for (const [name, section] of Object.entries(sections)) {
    if (only && !only.includes(name)) continue;
    const text = await section({ quick: isQuick, json });
    console.log(json ? text : `\n${text}`);
  }
}

function parseArguments() {
  try {
    const { values } = parseArgs({
      options: {
        quick: { type: "boolean", default: false },
        json: { type: "boolean", default: false },
        only: { type: "string", multiple: true },
      },
    });
    const known = new Set<string>([
      ...groups,
      ...Object.keys(sections),
      ...contestants.map(({ name }) => name),
    ]);
    const unknown = values.only?.find((name) => !known.has(name));
    if (unknown === undefined) return values;
    throw new Error(
      `Nobody is called "${unknown}"; --only takes one of: ${[...known].join(", ")}`,
    );
  } catch (error) {
    console.error((error as Error).message);
    process.exit(2);
  }
}

function takingPart(only: string[] | undefined): {
  present: Contestant[];
  absent: Absent[];
} {
  const asked = contestants.filter(
    ({ name, group }) => !only || only.includes(name) || only.includes(group),
  );
  const absent = asked.flatMap((contestant) => {
    const reason = absence(contestant);
    return reason === undefined ? [] : [{ contestant, reason }];
  });
  const away = new Set(absent.map(({ contestant }) => contestant));
  return {
    present: asked.filter((contestant) => !away.has(contestant)),
    absent,
  };
}

async function runRounds(
  present: Contestant[],
  effort: Effort,
  absent: Absent[],
): Promise<Sample[]> {
  const samples: Sample[] = [];
  const failed = new Set<Contestant>();
  for (const { contestant, phase, round } of planned(present, effort)) {
    if (failed.has(contestant)) continue;
    console.error(
      `round ${round}: ${contestant.name}, ${phase.inFlight} in flight`,
    );
    try {
      samples.push(...(await run(contestant, phase, round, effort)));
    } catch (error) {
      failed.add(contestant);
      absent.push({ contestant, reason: (error as Error).message });
    }
  }
  return samples;
}

interface Turn {
  contestant: Contestant;
  phase: Phase;
  round: number;
}

/** Within a round, the contestants of one phase follow each other. */
function planned(present: Contestant[], { rounds }: Effort): Turn[] {
  const turns: Turn[] = [];
  for (let round = 1; round <= Math.max(...Object.values(rounds)); round++)
    for (const group of groups.filter((each) => round <= rounds[each]))
      for (const phase of phases[group])
        for (const contestant of present)
          if (contestant.group === group)
            turns.push({ contestant, phase, round });
  return turns;
}

/** One phase of one contestant: a fresh server, a worker and a client, one load. */
async function run(
  contestant: Contestant,
  phase: Phase,
  round: number,
  { warmUpMs, durationMs }: Effort,
): Promise<Sample[]> {
  const { inFlight } = phase;
  const server = await startServer(contestant.server);
  const open: ContestantProcess[] = [];
  try {
    const { agents = 1, backlog = 0 } = contestant;
    const scene: Scene = { url: server.url, inFlight, agents, backlog };
    open.push(await startRole(contestant, "worker", scene));
    const client = await startRole(contestant, "client", scene);
    open.push(client);
    const load: Load = {
      inFlight,
      warmUpMs: warmUpMs[contestant.group],
      durationMs,
    };
    const measured = await client.measure(load);
    return phase.figures.map(({ measure, unit, value }) => ({
      contestant,
      round,
      measure,
      unit,
      value: value(measured),
    }));
  } finally {
    for (const role of open.reverse()) await role.close();
    await server.stop();
  }
}

function print(samples: Sample[], absent: Absent[], json: boolean): void {
  const ordered = inTableOrder(samples);
  const rows = rowsOf(ordered);
  const ratios = ratiosOf(samples);
  const missing = absent.map(({ contestant, reason }) => ({
    absent: contestant.name,
    reason,
  }));
  if (json) {
    for (const each of [...rows, ...ratios, ...missing])
      console.log(JSON.stringify(each));
    return;
  }
  console.log(
    `\nOne client and one worker process, ${cpus().length} cores, Node ${process.versions.node}\n`,
  );
  console.log(tableText(rows));
  for (const each of missing)
    console.log(`\nLeft out: ${each.absent}: ${each.reason}`);
  console.log(`\n${ratiosText(ratios)}`);
}

/** Groups and contestants as they are listed, and within a group measure by measure. */
function inTableOrder(samples: Sample[]): Sample[] {
  return contestants.flatMap(({ name }) =>
    samples.filter(({ contestant }) => contestant.name === name),
  );
}

// So that whoever waits for "exit" ends what it started, also when the run is broken off.
process.once("SIGINT", () => process.exit(130));
process.once("SIGTERM", () => process.exit(143));
await main();

// The rounds of the contestants. They are interleaved (A B C, A B C, ...), so that a slow spell of the machine hits all
// alike.
import type { ContestantQuestions } from "./child.js";
import type { Contestant, Group, Scene } from "./contestant.js";
import { groups } from "./contestants.js";
import type { Load, Measured } from "./load.js";
import type { Absent, Sample } from "./report.js";
import { startRole, type Role } from "./role.js";
import { startServer } from "./servers/server.js";

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

export interface Effort {
  rounds: Record<Group, number>;
  /** Many agents take longer to be warm than one. */
  warmUpMs: Record<Group, number>;
  durationMs: number;
}

export const full: Effort = {
  rounds: { tasks: 5, ask: 5, growth: 3 },
  warmUpMs: { tasks: 1000, ask: 1000, growth: 2500 },
  durationMs: 1500,
};

export const quick: Effort = {
  rounds: { tasks: 1, ask: 1, growth: 1 },
  warmUpMs: { tasks: 600, ask: 600, growth: 1200 },
  durationMs: 600,
};

const slackMs = 20_000;

/** Who fails in one is left out of the rest, with the reason. */
export async function runRounds(
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
  const open: Role<ContestantQuestions>[] = [];
  try {
    const { agents = 1, backlog = 0 } = contestant;
    const scene: Scene = { url: server.url, inFlight, agents, backlog };
    open.push(await start(contestant, "worker", scene));
    const client = await start(contestant, "client", scene);
    open.push(client);
    const load: Load = {
      inFlight,
      warmUpMs: warmUpMs[contestant.group],
      durationMs,
    };
    const withinMs = load.warmUpMs + load.durationMs + slackMs;
    const measured = await client.ask("measure", load, withinMs);
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

function start(
  { name, module }: Contestant,
  role: "worker" | "client",
  scene: Scene,
): Promise<Role<ContestantQuestions>> {
  return startRole<ContestantQuestions>({
    name,
    role,
    child: new URL("./child.js", import.meta.url),
    module: new URL(module, import.meta.url),
    scene,
  });
}

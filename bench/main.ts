// `npm run bench`: one table, all of it measured in one run on one machine.
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import type { Contestant } from "./contestant.js";
import { contestants, groups } from "./contestants.js";
import { absence } from "./peers.js";
import {
  ratiosOf,
  ratiosText,
  rowsOf,
  tableText,
  type Absent,
  type Sample,
} from "./report.js";
import { full, quick, runRounds } from "./rounds.js";
import { routingSection } from "./routing/section.js";
import { workflowsSection } from "./workflows/section.js";

const usage = `npm run bench -- [options]

  --quick         one short round: to see that it works, not for figures to publish
  --json          one object a line instead of the table
  --only <name>   a contestant ("raw"), a group ("tasks"), "workflows" or "routing"; may be given several times`;

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
        help: { type: "boolean", default: false },
      },
    });
    if (values.help) {
      console.log(usage);
      process.exit(0);
    }
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

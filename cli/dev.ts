// troupe dev: a bus with three agents on it, to try everything else against; --once shows a visitor around.
import type { Bus } from "../troupe.js";
import type { Agent } from "../workers/agent.js";
import type { Worker } from "../workers/worker.js";
import { noteOthers } from "./also-served.js";
import { counter } from "./demo/counter.js";
import { weather } from "./demo/weather.js";
import { writer } from "./demo/writer.js";
import { ownName } from "./command-line.js";
import { exitCodes } from "./exit.js";
import {
  closeInTime,
  openBus,
  unlessStopped,
  untilInterrupted,
} from "./session.js";
import { takeTour } from "./tour/tour.js";
import type { Call, Verb } from "./verb.js";

const demoAgents = [writer, weather, counter] as unknown as readonly Agent[];

/** Ctrl-C is to be prompt: what is in hand goes back to the queue and is there at the next start. */
const serving = { signals: false, drain: "500ms" } as const;

export const dev: Verb = {
  summary: "Runs a bus with three demo agents until Ctrl-C.",
  usage: ["troupe dev", "troupe dev --once"],
  options: {
    once: {
      type: "boolean",
      help: "take the tour: see it all happen, and end",
    },
  },
  example: "troupe dev --once",
  async run(call) {
    call.atMost(0);
    if (call.flag("once")) return takeTour(call);
    const bus = await openBus(call);
    const stopped = untilInterrupted();
    const begun = await unlessStopped(stopped, begin(bus));
    if (begun && call.output.json) call.output.object(whatRuns(bus));
    else if (begun) {
      explain(call, bus);
      await noteOthers(call, bus, begun);
    }
    await stopped;
    call.output.note("stopping");
    await closeInTime(bus);
    return exitCodes.done;
  },
};

async function begin(bus: Bus): Promise<Worker[]> {
  const workers: Worker[] = [];
  for (const agent of demoAgents) workers.push(await bus.serve(agent, serving));
  await bus.orchestrate({ signals: false });
  return workers;
}

function whatRuns({ url, namespace }: Bus) {
  return { url, namespace, agents: demoAgents.map(({ name }) => name) };
}

const toTry = (troupe: string): [string, string][] => [
  [
    `${troupe} submit writer.headline '{"text":"It rained for a week, and the river rose."}' --wait`,
    "a durable task, and its result",
  ],
  [
    `${troupe} submit weather.forecast '{"city":"Bergen","failures":2}' --wait`,
    "fails twice, is retried, succeeds",
  ],
  [
    `${troupe} submit weather.forecast '{"city":"Atlantis","failures":0}' --wait`,
    "becomes a dead letter",
  ],
  [`${troupe} dead ls`, "there it is: show, redrive or purge it"],
  [
    `${troupe} submit counter.count '{"to":60}'`,
    "slow; see it with tasks show, cancel it",
  ],
  [`${troupe} tasks ls --state failed`, "asked of the orchestrator"],
  [`${troupe} tail`, "everything that happens, live"],
  [`${troupe} replay --since 10m`, "everything that happened"],
];

function explain(call: Call, bus: Bus): void {
  const { output } = call;
  const isEmbedded = !call.text("url") && !process.env["NATS_URL"];
  output.line(
    `${output.paint("bold", "Troupe is running")} at ${bus.url}${isEmbedded ? ", an embedded nats-server with its store in .troupe" : ""}`,
  );
  output.line();
  output.rows(
    demoAgents.flatMap(({ name, skills }) =>
      Object.entries(skills).map(([skill, { description }]) => [
        `  ${output.paint("cyan", `${name}.${skill}`)}`,
        description,
      ]),
    ),
  );
  output.line();
  output.line(
    `In another terminal${isEmbedded ? "" : ", with the same server"}, in this folder:`,
  );
  for (const [command, meaning] of toTry(ownName()))
    output.line(`\n  ${output.paint("dim", `# ${meaning}`)}\n  ${command}`);
  output.line("\nCtrl-C ends it.");
}

// What is said to who gives work to an agent that nobody serves just now.
import { toNeed } from "../bus/tasks/target.js";
import type { Need } from "../protocol/need.js";
import { orchestratorName } from "../protocol/subjects.js";
import type { Bus } from "../troupe.js";
import { commandLine } from "./command-line.js";
import type { Call } from "./verb.js";

/** A task without a worker is no mistake; but whoever is new here may wonder why nothing happens. */
export async function hintAtWorkers(
  call: Call,
  bus: Bus,
  target: string | Need,
): Promise<void> {
  const { agent } = toNeed(target);
  if (agent === undefined) return; // it was routed to one that lives
  await hintAtWorkersOf(call, bus, agent);
}

/** The command. */
export const howToServe = (agent: string): string =>
  agent === orchestratorName ? commandLine`up` : commandLine`work FILE…`;

export async function hintAtWorkersOf(
  call: Call,
  bus: Bus,
  agent: string,
): Promise<void> {
  if (call.output.json) return;
  const [cards, instances] = await Promise.all([
    bus.agents(),
    bus.instances(agent),
  ]);
  const isKnown = cards.some(({ name }) => name === agent);
  if (!isKnown || instances.length > 0) return;
  call.output.note(
    `note: no instance of "${agent}" is running: its tasks are stored and wait for one (${howToServe(agent)})`,
  );
}

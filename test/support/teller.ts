// Agents that tell who answers, and callers that know of them.
import type { TestContext } from "node:test";
import { z } from "zod";
import { agent, skill, type Bus } from "../../index.js";
import { quiet } from "./doer.js";
import { eventually } from "./eventually.js";
import type { SharedServer } from "./shared-server.js";

/** An agent whose skill answers with the agent's name and version, and where it ran. */
export function teller(
  name: string,
  version = "1.0.0",
  description = "Condenses a text",
  run: () => unknown = () => `${name}@${version}`,
) {
  const summarize = skill({ description, tags: ["text"], input: z.any(), run });
  return agent(name, { version, skills: { summarize } });
}

/** Once the caller knows of so many instances. */
export async function known(bus: Bus, count: number): Promise<Bus> {
  await eventually(async () => {
    const found = await bus.discover();
    return found.flatMap(({ instances }) => instances).length === count;
  });
  return bus;
}

export async function stage(
  shared: SharedServer,
  t: TestContext,
  ...agents: ReturnType<typeof teller>[]
) {
  const bus = await shared.connect(t);
  for (const each of agents) await bus.serve(each, quiet);
  return known(await shared.connect(t), agents.length);
}

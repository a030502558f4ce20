// The agents that a user's modules export. They are known by their shape, since a module may have its own copy
// of Troupe.
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { messageOf, TroupeError } from "../protocol/errors.js";
import type { Agent } from "../workers/agent.js";
import { wrongUsage } from "./exit.js";

/** Throws ARGUMENT_INVALID for a file that cannot be loaded, exports no agent, or one that is there already. */
export async function agentsOf(files: readonly string[]): Promise<Agent[]> {
  const agents = new Map<string, { agent: Agent; file: string }>();
  for (const file of files) {
    const found = exportedAgents(await load(file));
    if (found.length === 0)
      throw wrongUsage(
        `"${file}" exports no agent: write "export const writer = agent(…)"`,
      );
    for (const agent of found) {
      const earlier = agents.get(agent.name);
      if (earlier)
        throw wrongUsage(
          `"${earlier.file}" and "${file}" both export an agent "${agent.name}": give one another name`,
        );
      agents.set(agent.name, { agent, file });
    }
  }
  return [...agents.values()].map(({ agent }) => agent);
}

async function load(file: string): Promise<Record<string, unknown>> {
  const path = resolve(file);
  if (!existsSync(path)) throw wrongUsage(`there is no file "${file}"`);
  try {
    return (await import(pathToFileURL(path).href)) as Record<string, unknown>;
  } catch (cause) {
    throw new TroupeError("ARGUMENT_INVALID", whyNot(file, cause), { cause });
  }
}

function whyNot(file: string, cause: unknown): string {
  const { code } = cause as { code?: string };
  return code === "ERR_UNKNOWN_FILE_EXTENSION" && /\.[cm]?ts$/.test(file)
    ? `Node ${process.versions.node} does not run "${file}": compile it and name the .js file, or use Node 22.18 or newer`
    : `"${file}" cannot be loaded: ${messageOf(cause)}`;
}

const exportedAgents = (module: Record<string, unknown>): Agent[] => [
  ...new Set(Object.values(module).filter(isAgent)),
];

function isAgent(value: unknown): value is Agent {
  if (typeof value !== "object" || value === null) return false;
  const { name, version, skills } = value as Partial<Agent>;
  if (typeof name !== "string" || typeof version !== "string") return false;
  if (typeof skills !== "object" || skills === null) return false;
  const each = Object.values(skills);
  return (
    each.length > 0 && each.every((skill) => typeof skill.run === "function")
  );
}

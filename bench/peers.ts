// The peers live in a package of their own (bench/peers), so that nobody who installs Troupe
// installs them; the benchmark does on first use.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Contestant } from "./contestant.js";
import { hasRedis } from "./servers.js";

const folder = fileURLToPath(new URL("../../bench/peers", import.meta.url));

/** Why a contestant cannot take part, or undefined when it can. */
export function absence(contestant: Contestant): string | undefined {
  if (contestant.server === "redis" && !hasRedis())
    return "redis-server is not on the PATH";
  if (contestant.module.endsWith(".mjs")) return installPeers();
  return undefined;
}

let outcome: { reason: string | undefined } | undefined;

function installPeers(): string | undefined {
  outcome ??= {
    reason: existsSync(`${folder}/node_modules/.package-lock.json`)
      ? undefined
      : runInstall(),
  };
  return outcome.reason;
}

// Not `npm ci`: it refuses a lock file that lacks another platform's optional binaries.
function runInstall(): string | undefined {
  console.error("Installing the peers in bench/peers (once) ...");
  const { status, stderr, error } = spawnSync(
    "npm",
    ["install", "--no-save", "--ignore-scripts", "--loglevel=error"],
    { cwd: folder, encoding: "utf8" },
  );
  if (status === 0) return undefined;
  const said = error?.message ?? stderr.trim();
  return `npm could not install the peers in bench/peers: ${said}`;
}

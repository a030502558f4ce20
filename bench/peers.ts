// The peers live in a package of their own (bench/peers), so that nobody who installs Troupe
// installs them; the benchmark does on first use.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Contestant } from "./contestant.js";
import { hasRedis } from "./servers/redis.js";

export const peersFolder = fileURLToPath(
  new URL("../../bench/peers", import.meta.url),
);

/** Why a contestant cannot take part, or undefined when it can. */
export function absence(contestant: Contestant): string | undefined {
  if (contestant.server === "redis" && !hasRedis())
    return "redis-server is not on the PATH";
  if (isPeer(contestant)) return peersAbsence();
  return undefined;
}

export function isPeer({ module }: { module: string }): boolean {
  return module.endsWith(".mjs");
}

let outcome: { reason: string | undefined } | undefined;

/** Installs what is missing; why that failed, or undefined. */
export function peersAbsence(): string | undefined {
  outcome ??= { reason: allInstalled() ? undefined : runInstall() };
  return outcome.reason;
}

/** An earlier version of this folder may have been installed, with fewer peers. */
function allInstalled(): boolean {
  const { dependencies } = JSON.parse(
    readFileSync(`${peersFolder}/package.json`, "utf8"),
  ) as { dependencies: Record<string, string> };
  return Object.keys(dependencies).every((name) =>
    existsSync(`${peersFolder}/node_modules/${name}/package.json`),
  );
}

// Not `npm ci`: it refuses a lock file that lacks another platform's optional binaries.
function runInstall(): string | undefined {
  console.error("Installing the peers in bench/peers (once) ...");
  const { status, stderr, error } = spawnSync(
    "npm",
    ["install", "--no-save", "--ignore-scripts", "--loglevel=error"],
    { cwd: peersFolder, encoding: "utf8" },
  );
  if (status === 0) return undefined;
  const said = error?.message ?? stderr.trim();
  return `npm could not install the peers in bench/peers: ${said}`;
}

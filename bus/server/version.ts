// Which nats-server is new enough. Troupe needs 2.12: message schedules, atomic batch publish and
// per-message TTLs came with it (or shortly before), and none of them can be done without.
import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

export const minimumVersion = "2.12.0";

/** Asks the binary. Throws what running it throws, or an Error when it does not say a version. */
export async function versionOf(path: string): Promise<string> {
  const { stdout } = await run(path, ["--version"], { timeout: 10_000 });
  const found = /^nats-server: v?(\d+\.\d+\.\d+\S*)/m.exec(stdout)?.[1];
  if (found === undefined)
    throw new Error(
      `it answered --version with "${stdout.trim().slice(0, 100)}"`,
    );
  return found;
}

export const isNewEnough = (version: string): boolean =>
  compareVersions(version, minimumVersion) >= 0;

/** By major, minor and patch number; what follows them ("-RC.1") is not looked at. */
export function compareVersions(left: string, right: string): number {
  const [a, b] = [numbers(left), numbers(right)];
  return a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
}

function numbers(version: string): [number, number, number] {
  const [major = 0, minor = 0, patch = 0] = version
    .split(/[.+-]/, 3)
    .map((part) => Number.parseInt(part, 10) || 0);
  return [major, minor, patch];
}

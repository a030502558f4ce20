// Versions of agents, after Semantic Versioning. An agent may say anything for its version, so what is none
// is read for the numbers in it ("v2" is 2.0.0), and counts as 0.0.0 where there are none.
import semver from "semver";
import { TroupeError } from "./errors.js";

const known = new Map<string, string>();
const fits = new Map<string, boolean>();
const maxKnown = 4096;

function normal(version: string): string {
  const seen = known.get(version);
  if (seen !== undefined) return seen;
  if (known.size >= maxKnown) known.clear();
  const parsed = semver.valid(version, { loose: true });
  const read = parsed ?? semver.coerce(version)?.version ?? "0.0.0";
  known.set(version, read);
  return read;
}

/** Below 0 where the first is older, above where it is newer. */
export function compareVersions(one: string, other: string): number {
  return one === other ? 0 : semver.compare(normal(one), normal(other));
}

export function isRange(text: string): boolean {
  return semver.validRange(text) !== null;
}

/** A pre-release fits only a range that names one of the same version, as everywhere in npm. */
export function fitsRange(version: string, range: string): boolean {
  const key = `${range} ${version}`;
  const seen = fits.get(key);
  if (seen !== undefined) return seen;
  if (fits.size >= maxKnown) fits.clear();
  const answer = semver.satisfies(normal(version), range);
  fits.set(key, answer);
  return answer;
}

/** Throws ARGUMENT_INVALID. */
export function checkRange(range: string): string {
  if (isRange(range)) return range;
  throw new TroupeError(
    "ARGUMENT_INVALID",
    `version "${range}" is no range of versions: write "^2", "~1.4", ">=1.2 <3" or "2.0.1"`,
  );
}

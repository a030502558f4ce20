// Plans that are kept by name, each in all its versions: the bucket `{ns}_plans`.
//
// 1. A version is written once and never changed: "article@3" is the same wherever and whenever it is read.
// 2. The head of a name says which versions there are. A version that was written and is not in the head, because
//    its writer died in between, is put there by whoever writes the next.
// 3. Numbers are never used again, not even after a deletion.
import { z } from "zod";
import { isConflict, TroupeError } from "../../protocol/errors.js";
import { newToken } from "../../protocol/ids.js";
import { nearest } from "../../protocol/nearest.js";
import { parsePlan } from "../../protocol/plan/check.js";
import type { Plan } from "../../protocol/plan/plan.js";
import { Bucket, keyOf } from "../buckets/bucket.js";
import { changeShared } from "../buckets/shared-state.js";
import type { Link } from "../connection/connection.js";
import type { Publisher } from "../streams/publisher.js";

const versionSchema = z.looseObject({
  version: z.int().min(1),
  at: z.string(),
  description: z.string().optional(),
});

const headSchema = z.looseObject({
  name: z.string(),
  /** The highest number that was ever used. */
  last: z.int().min(0),
  versions: z.array(versionSchema),
});

const keptSchema = z.looseObject({
  /** Of the very write, for its writer to know it again. */
  id: z.string(),
  at: z.string(),
  plan: z.looseObject({}),
});

const mostTries = 50;

type Head = z.infer<typeof headSchema>;
type Kept = z.infer<typeof keptSchema>;

export interface PlanVersion {
  name: string;
  version: number;
  at: Date;
  description: string | undefined;
}

export interface KeptPlan extends PlanVersion {
  plan: Plan;
}

export class Templates {
  readonly #heads: Bucket<Head>;
  readonly #kept: Bucket<Kept>;

  constructor(link: Link, publisher: Publisher) {
    const { plans } = link.subjects.buckets;
    this.#heads = new Bucket(link, publisher, plans, headSchema);
    this.#kept = new Bucket(link, publisher, plans, keptSchema);
  }

  /** Keeps it as the newest version. Throws PLAN_INVALID, and ARGUMENT_INVALID for a name with "@". */
  async put(name: string, given: unknown): Promise<PlanVersion> {
    checkName(name);
    const { plan } = parsePlan(given);
    const kept = { id: newToken(), at: new Date().toISOString(), plan };
    for (let tries = 1; tries <= mostTries; tries++) {
      const head = await this.#heads.get(headKey(name));
      const version = (head?.value.last ?? 0) + 1;
      const stored = await this.#write(name, version, kept);
      if (!stored) continue;
      const noted = await this.#note(name, version, stored);
      if (stored.id === kept.id) return toVersion(name, noted);
    }
    throw new TroupeError(
      "CONFLICT",
      `others put versions of plan "${name}" all the time, or what is kept of it cannot be read: try again`,
    );
  }

  /** "name" for the newest, or "name@3". Throws PLAN_UNKNOWN. */
  async get(reference: string): Promise<KeptPlan> {
    const { name, version } = parseTemplate(reference);
    const head = await this.#head(name);
    const noted =
      version === undefined
        ? head.versions.at(-1)
        : head.versions.find((each) => each.version === version);
    if (!noted) throw noVersion(head, version);
    const kept = await this.#kept.get(planKey(name, noted.version));
    if (!kept) throw noVersion(head, noted.version);
    return {
      ...toVersion(name, noted),
      plan: kept.value.plan as unknown as Plan,
    };
  }

  /** The newest version of each name, by name. */
  async list(): Promise<PlanVersion[]> {
    const heads = await this.#heads.entries("head.*");
    return heads
      .filter(({ value }) => value.versions.length > 0)
      .map(({ value }) => toVersion(value.name, value.versions.at(-1)!))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** All versions of a name, oldest first. Throws PLAN_UNKNOWN. */
  async history(name: string): Promise<PlanVersion[]> {
    const { versions } = await this.#head(name);
    return versions.map((each) => toVersion(name, each));
  }

  /** "name" for all versions, or "name@3". Returns those that are gone. Throws PLAN_UNKNOWN. */
  async delete(reference: string): Promise<PlanVersion[]> {
    const { name, version } = parseTemplate(reference);
    const head = await this.#head(name);
    const gone = head.versions.filter(
      (each) => version === undefined || each.version === version,
    );
    if (gone.length === 0) throw noVersion(head, version);
    const isKept = ({ version: of }: { version: number }) =>
      !gone.some((each) => each.version === of);
    await changeShared(this.#heads, headKey(name), (now) => ({
      state: now && { ...now, versions: now.versions.filter(isKept) },
      result: undefined,
    }));
    for (const each of gone)
      await this.#kept.delete(planKey(name, each.version));
    return gone.map((each) => toVersion(name, each));
  }

  /** What has this number then: ours, or what another was quicker to write; undefined where that cannot be read. */
  async #write(
    name: string,
    version: number,
    kept: Kept,
  ): Promise<Kept | undefined> {
    const key = planKey(name, version);
    try {
      await this.#kept.create(key, kept);
      return kept;
    } catch (error) {
      if (!isConflict(error)) throw error;
      return (await this.#kept.get(key))?.value;
    }
  }

  async #note(name: string, version: number, { at, plan }: Kept) {
    const { description } = plan;
    const noted = {
      version,
      at,
      ...(typeof description === "string" ? { description } : {}),
    };
    await changeShared(this.#heads, headKey(name), (now) => ({
      state:
        (now?.last ?? 0) >= version ? undefined : withVersion(name, now, noted),
      result: undefined,
    }));
    return noted;
  }

  async #head(name: string): Promise<Head> {
    const head = await this.#heads.get(headKey(name));
    if (head && head.value.versions.length > 0) return head.value;
    const names = (await this.list()).map((each) => each.name);
    const near = nearest(name, names);
    const hint =
      near === undefined
        ? `there is ${names.slice(0, 20).join(", ") || "none yet"}`
        : `did you mean "${near}"?`;
    throw new TroupeError(
      "PLAN_UNKNOWN",
      `no plan "${name}" is kept here: ${hint}`,
    );
  }
}

const withVersion = (
  name: string,
  head: Head | undefined,
  noted: z.infer<typeof versionSchema>,
): Head => ({
  name,
  last: noted.version,
  versions: [...(head?.versions ?? []), noted],
});

const headKey = (name: string): string => keyOf("head", name);
const planKey = (name: string, version: number): string =>
  keyOf("plan", name, String(version));

const toVersion = (
  name: string,
  { version, at, description }: z.infer<typeof versionSchema>,
): PlanVersion => ({ name, version, at: new Date(at), description });

/** Throws ARGUMENT_INVALID. */
function parseTemplate(reference: string): {
  name: string;
  version: number | undefined;
} {
  const [name = "", version, ...more] = reference.split("@");
  if (name !== "" && version === undefined) return { name, version };
  const isNumber = /^[1-9]\d{0,14}$/.test(version ?? "");
  if (name !== "" && more.length === 0 && isNumber)
    return { name, version: Number(version) };
  throw new TroupeError(
    "ARGUMENT_INVALID",
    `"${reference}" names no plan that is kept: write "name" for the newest version, or "name@3"`,
  );
}

function checkName(name: string): void {
  const { version } = parseTemplate(name);
  if (version === undefined) return;
  throw new TroupeError(
    "ARGUMENT_INVALID",
    `"${name}" names a version: each plan that is put is a new one, so give the name alone`,
  );
}

function noVersion(head: Head, version: number | undefined): TroupeError {
  const versions = head.versions.map((each) => each.version).join(", ");
  return new TroupeError(
    "PLAN_UNKNOWN",
    `plan "${head.name}" has no version ${version ?? ""}: there is ${versions}`,
  );
}

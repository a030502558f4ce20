// Tasks whose journal does not fit the handler that is served here, as was found by running it. The same code finds the
// same, so that it is not run again as long as the journal stays as it is: neither is what it does between operations
// done over and over, nor is the history filled with attempts that come to nothing.
import type { JournalEntry, Misfit } from "../../protocol/journal.js";
import { Recent } from "../recent.js";
import type { Suspended } from "./suspension.js";

export type SuspendedMisfit = Suspended & { why: "mismatch" };

/** After that it is run all the same: it may depend on what it should not. */
const rememberedMs = 600_000;
const pauseMs = { first: 1_000, longest: 30_000 };

/** Which run of which journal it was. */
interface MisfitPlace {
  taskId: string;
  /** Of the last write. */
  place: number;
  /** What it was run for. */
  onlyUndoes: boolean;
}

export class Misfits {
  readonly #known = new Recent<string, { to: SuspendedMisfit; at: number }>();

  remember(place: MisfitPlace, to: SuspendedMisfit): void {
    const key = keyOf(place);
    const at = this.#known.get(key)?.at ?? performance.now();
    this.#known.set(key, { to, at });
  }

  recall(place: MisfitPlace): SuspendedMisfit | undefined {
    const key = keyOf(place);
    const known = this.#known.get(key);
    if (!known || performance.now() - known.at <= rememberedMs)
      return known?.to;
    this.#known.delete(key);
    return undefined;
  }
}

const keyOf = ({ taskId, place, onlyUndoes }: MisfitPlace): string =>
  `${place} ${onlyUndoes} ${taskId}`;

/** Where it stands on the journal already. */
export function sameMisfit(
  entries: readonly JournalEntry[],
  { version, expected, found }: Misfit,
): Misfit | undefined {
  for (const known of entries)
    if (known.kind === "mismatch" && known.version === version)
      if (known.expected === expected && known.found === found) return known;
  return undefined;
}

/** Until it is looked whether there is a version that fits: the longer the longer there has been none. */
export function misfitPauseMs(same: Misfit | undefined, now: number): number {
  const { first, longest } = pauseMs;
  if (!same) return first;
  return Math.min(longest, Math.max(first, (now - same.at) / 2));
}

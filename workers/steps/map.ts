// Some at a time, and the next as soon as one is done. Which one that is follows from the order in which operations are
// settled, so it is the same whenever the handler is run again.
import { TroupeError } from "../../protocol/errors.js";

export async function mapWith<Item, Result>(
  items: readonly Item[],
  each: (item: Item, index: number) => Promise<Result>,
  concurrency: number,
): Promise<Result[]> {
  if (!(concurrency >= 1))
    throw new TroupeError(
      "ARGUMENT_INVALID",
      `concurrency ${String(concurrency)} is too small: at least 1`,
    );
  const results: Result[] = Array.from({ length: items.length });
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < items.length) {
      const at = next++;
      results[at] = await each(items[at]!, at);
    }
  };
  const lanes = Math.min(concurrency, items.length);
  await Promise.all(Array.from({ length: lanes }, lane));
  return results;
}

// Waits for a condition instead of sleeping: tries until the check answers something true.
import { setTimeout as delay } from "node:timers/promises";

const pollMs = 10;

/** Answers what `check` answered at last. A check that throws is tried again, too. */
export async function eventually<T>(
  check: () => T | Promise<T>,
  options: { timeoutMs?: number; what?: string } = {},
): Promise<T> {
  const { timeoutMs = 10_000, what = "the condition" } = options;
  const deadline = performance.now() + timeoutMs;
  let last: { value: unknown } | { error: unknown } | undefined;
  do {
    try {
      const value = await check();
      if (value) return value;
      last = { value };
    } catch (error) {
      last = { error };
    }
    await delay(pollMs);
  } while (performance.now() < deadline);
  throw last && "error" in last
    ? new Error(`${what} did not come about within ${timeoutMs} ms`, {
        cause: last.error,
      })
    : new Error(
        `${what} did not come about within ${timeoutMs} ms; the check last answered "${String(last?.value)}"`,
      );
}

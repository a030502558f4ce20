// Work that others' data steers, such as a regular expression from a card, for a limited time. The engine looks
// at the clock also while it backtracks, which nothing that runs on this thread could.
//
// Each run costs a tenth of a millisecond: the engine starts a thread that watches.
import { createContext, Script } from "node:vm";
import { formatMs } from "../../protocol/duration.js";

interface Box {
  job: (() => unknown) | undefined;
}

let box: Box | undefined;
const run = new Script("job()");

/** Throws what the job throws, and when it takes too long. What it leaves half done must not be used again. */
export function within<Result>(timeoutMs: number, job: () => Result): Result {
  const here = (box ??= createContext({ job: undefined }) as Box);
  here.job = job;
  try {
    return run.runInContext(here, { timeout: timeoutMs }) as Result;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== tookTooLong) throw error;
    throw new Error(`it took longer than ${formatMs(timeoutMs)}`, {
      cause: error,
    });
  } finally {
    here.job = undefined;
  }
}

const tookTooLong = "ERR_SCRIPT_EXECUTION_TIMEOUT";

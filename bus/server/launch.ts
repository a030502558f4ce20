// Starts a server where none runs: the caller holds the directory's lock.
import { readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  configurationText,
  type ServerConfiguration,
} from "./configuration.js";
import { clearDrafts } from "./directory-lock.js";
import { beginLog } from "./log.js";
import type { Places } from "./places.js";
import { createHold, startWatchdog } from "./watchdog.js";

/** Answers the FIFO held open, and where this run begins in the log. */
export async function launch(
  places: Places,
  asked: ServerConfiguration,
  binary: string,
): Promise<{ hold: number; logStart: number }> {
  await clearLastRun(places.runDirectory);
  await clearDrafts(places.lock);
  await writeFile(places.configuration, configurationText(asked, places), {
    mode: 0o600,
  });
  // A new one each time: who still holds the last run's is no user of this one.
  await createHold(places.runDirectory);
  const logStart = await beginLog(places.log);
  const hold = await startWatchdog({
    binary,
    configuration: places.configuration,
    runDirectory: places.runDirectory,
    logPath: places.log,
  });
  return { hold, logStart };
}

async function clearLastRun(runDirectory: string): Promise<void> {
  const names = await readdir(runDirectory);
  const remains = names.filter(
    (name) => name === "users" || name === "pids" || name.endsWith(".ports"),
  );
  for (const name of remains)
    await rm(join(runDirectory, name), { recursive: true, force: true });
}

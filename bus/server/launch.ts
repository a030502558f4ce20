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
import { freePort, isFree } from "./ports.js";
import { portOf, processesOf } from "./server-process.js";
import { createHold, startWatchdog } from "./watchdog.js";

/** Answers the FIFO held open, and where this run begins in the log. */
export async function launch(
  places: Places,
  asked: ServerConfiguration,
  binary: string,
): Promise<{ hold: number; logStart: number }> {
  const port = (await portOfKilled(places.runDirectory)) ?? (await freePort());
  await clearLastRun(places.runDirectory);
  await clearDrafts(places.lock);
  const configuration = configurationText(asked, places, port);
  await writeFile(places.configuration, configuration, { mode: 0o600 });
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

/** One that was killed has left its ports file; its users look for it where it was. Undefined where that is taken. */
async function portOfKilled(runDirectory: string): Promise<number | undefined> {
  const [pid] = await processesOf(runDirectory);
  const port = await portOf(runDirectory, pid);
  return port !== undefined && (await isFree(port)) ? port : undefined;
}

async function clearLastRun(runDirectory: string): Promise<void> {
  const names = await readdir(runDirectory);
  const remains = names.filter(
    (name) => name === "users" || name === "pids" || name.endsWith(".ports"),
  );
  for (const name of remains)
    await rm(join(runDirectory, name), { recursive: true, force: true });
}

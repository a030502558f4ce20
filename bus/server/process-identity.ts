// Which process is meant, also after its number was given to another one: "pid@start".
// Used where a process leaves its name in a file and may be killed before it takes it away.
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";

const run = promisify(execFile);

export async function identityOf(pid: number): Promise<string> {
  return `${pid}@${(await startOf(pid)) ?? "gone"}`;
}

/** Whether just that process still runs. A zombie does not. */
export async function isRunning(identity: string): Promise<boolean> {
  const [pid, start] = identity.split("@");
  const found = await startOf(Number(pid));
  return found !== undefined && found === start;
}

/** Whether a process of that number runs and has `argument` in its command line. */
export async function runsWith(
  pid: number,
  argument: string,
): Promise<boolean> {
  if (process.platform !== "linux")
    return (await processStatus(pid, "args="))?.includes(argument) ?? false;
  if ((await startOf(pid)) === undefined) return false;
  const line = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  // One that is ending has lost its command line, but may still hold its port and files.
  return line === "" || line.includes(argument);
}

async function startOf(pid: number): Promise<string | undefined> {
  if (!Number.isInteger(pid) || pid <= 0) return undefined;
  if (process.platform !== "linux")
    return (await processStatus(pid, "lstart="))?.replaceAll(/\W+/g, "-");
  const line = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  // The name of the program stands in parentheses and may hold spaces: count from behind it.
  const fields = line.slice(line.lastIndexOf(")") + 2).split(" ");
  const [state, threads, start] = [fields[0], fields[17], fields[19]];
  // A zombie whose other threads still run has not closed its files yet.
  const isGone = state === "X" || (state === "Z" && Number(threads) <= 1);
  return isGone ? undefined : start;
}

async function processStatus(
  pid: number,
  column: string,
): Promise<string | undefined> {
  const answer = await run("ps", ["-o", column, "-p", String(pid)]).catch(
    () => undefined,
  );
  return answer?.stdout.trim() || undefined;
}

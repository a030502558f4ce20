// What a process and its children use, so that PostgreSQL's many processes count. NaN where the system does
// not tell; Linux does.
import { readdir, readFile } from "node:fs/promises";

const tickMs = 10;

/** In bytes; a page that several of them share counts once ("proportional set size"). */
export function memoryOf(pid: number): Promise<number> {
  return sumOf(pid, async (each) => {
    const rollup = await read(`/proc/${each}/smaps_rollup`);
    return 1024 * Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1]);
  });
}

/** Processor time since it was started, with that of children which have ended. */
export function processorMsOf(pid: number): Promise<number> {
  return sumOf(pid, async (each) => {
    const status = await read(`/proc/${each}/stat`);
    const fields = status.slice(status.lastIndexOf(")") + 2).split(" ");
    const ticks = fields.slice(11, 15).map(Number);
    return ticks.reduce((sum, value) => sum + value, 0) * tickMs;
  });
}

/** A child that ends meanwhile does not count. */
async function sumOf(
  pid: number,
  figureOf: (pid: number) => Promise<number>,
): Promise<number> {
  const own = await figureOf(pid);
  const others = await Promise.all((await childrenOf(pid)).map(figureOf));
  return others.reduce((sum, value) => sum + (value || 0), own);
}

async function childrenOf(parent: number): Promise<number[]> {
  const entries = await readdir("/proc").catch(() => []);
  const pids = entries.filter((entry) => /^\d+$/.test(entry)).map(Number);
  const parents = await Promise.all(pids.map(parentOf));
  return pids.filter((_, at) => parents[at] === parent);
}

async function parentOf(pid: number): Promise<number> {
  return Number(/^PPid:\s+(\d+)/m.exec(await read(`/proc/${pid}/status`))?.[1]);
}

function read(path: string): Promise<string> {
  return readFile(path, "utf8").catch(() => "");
}

// The log file of a server at hand: kept small between runs, and quoted where a start failed.
import { open, rename, stat } from "node:fs/promises";

const rotateAtBytes = 4 * 1024 * 1024;
const tailBytes = 2000;

/** Puts a log that has grown aside; answers the size from which the next run writes. */
export async function beginLog(path: string): Promise<number> {
  const size = await sizeOf(path);
  if (size < rotateAtBytes) return size;
  await rename(path, `${path}.old`);
  return 0;
}

/** The end of what was written since `start`. */
export async function tailOf(path: string, start: number): Promise<string> {
  const size = await sizeOf(path);
  const from = Math.max(start, size - tailBytes);
  if (size <= from) return "(nothing)";
  const file = await open(path);
  try {
    const { buffer } = await file.read(
      Buffer.alloc(size - from),
      0,
      size - from,
      from,
    );
    return buffer.toString("utf8").trim();
  } finally {
    await file.close();
  }
}

const sizeOf = (path: string): Promise<number> =>
  stat(path).then(
    ({ size }) => size,
    () => 0,
  );

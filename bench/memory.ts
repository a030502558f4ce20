// Whether memory stays flat: a million tasks through one process that is client and worker, by hand:
// node dist/bench/memory.js [total]. See test/e2e/memory.test.ts for a shorter run.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { z } from "zod";
import { startEmbeddedServer } from "../bus/server/embedded.js";
import { agent, connect, skill } from "../index.js";

export interface MemorySample {
  tasks: number;
  heapUsed: number;
  rss: number;
}

const inFlight = 256;

/** Calls back after each `every` tasks, when garbage has been collected. */
export async function measureMemory(
  url: string,
  total: number,
  every: number,
  onSample: (sample: MemorySample) => void,
): Promise<void> {
  const collect = garbageCollector();
  await using bus = await connect({ url });
  const echo = agent("echo", {
    skills: {
      say: skill({
        description: "Says it again",
        input: z.object({ n: z.number() }),
        run: ({ n }) => ({ n }),
      }),
    },
  });
  await bus.serve(echo, { concurrency: inFlight, signals: false });
  for (let done = 0; done < total;) {
    const end = Math.min(total, done + every);
    const lane = async () => {
      while (done < end) await bus.call(echo.skills.say, { n: done++ });
    };
    await Promise.all(Array.from({ length: inFlight }, lane));
    collect();
    const { heapUsed, rss } = process.memoryUsage();
    onSample({ tasks: done, heapUsed, rss });
  }
}

/** Also where the process was started without --expose-gc. */
export function garbageCollector(): () => void {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc") as () => void;
}

const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;

async function main(total: number): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "troupe-memory-"));
  try {
    await using server = await startEmbeddedServer({ directory });
    await measureMemory(server.url, total, 100_000, (sample) =>
      console.log(
        `${sample.tasks} tasks: heap ${megabytes(sample.heapUsed)}, RSS ${megabytes(sample.rss)}`,
      ),
    );
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href)
  await main(Number(process.argv[2] ?? 1_000_000));

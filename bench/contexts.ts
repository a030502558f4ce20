// Events of a stateful agent a second, by hand: node dist/bench/contexts.js [instances] [contexts] [events a context].
// Each instance is a process of its own. Beside the rate stand the CPU times, which a busy machine changes less.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { assign, emit, setup } from "xstate";
import { z } from "zod";
import { agent, connect, type Bus } from "../index.js";
import { startServer } from "./servers/server.js";

const machine = setup({
  types: {
    context: {} as { sum: number },
    events: {} as { type: "ADD"; n: number },
    emitted: {} as { type: "added"; sum: number },
  },
}).createMachine({
  context: { sum: 0 },
  on: {
    ADD: {
      actions: [
        assign({ sum: ({ context, event }) => context.sum + event.n }),
        emit(({ context }) => ({ type: "added", sum: context.sum })),
      ],
    },
  },
});

const adder = agent("adder", {
  machine,
  events: { ADD: z.object({ n: z.number() }) },
});

async function main(
  instances: number,
  contexts: number,
  events: number,
): Promise<void> {
  const server = await startServer("nats");
  const workers = await Promise.all(
    Array.from({ length: instances }, () => startWorker(server.url)),
  );
  const bus = await connect({ url: server.url });
  const before = await Promise.all(workers.map(cpuMs));
  const startedAt = Date.now();
  await Promise.all(
    Array.from({ length: contexts }, (_, at) => feed(bus, `c${at}`, events)),
  );
  const seconds = (Date.now() - startedAt) / 1000;
  const after = await Promise.all(workers.map(cpuMs));
  const used = after.reduce((sum, ms, at) => sum + ms - before[at]!, 0);
  const total = contexts * events;
  console.log(
    `${instances} instances, ${contexts} contexts: ${Math.round(total / seconds)} events/s, ${Math.round((used * 1000) / total)} µs of CPU an event in all instances`,
  );
  for (const worker of workers) worker.kill("SIGKILL");
  await bus.close();
  await server.stop();
}

async function feed(bus: Bus, id: string, events: number): Promise<void> {
  const context = bus.context(adder, id);
  let last;
  for (let n = 0; n < events; n++)
    last = await context.send({ type: "ADD", n });
  await last?.result({ timeout: "10m" });
}

async function startWorker(url: string): Promise<ChildProcess> {
  const script = fileURLToPath(import.meta.url);
  const worker = spawn(process.execPath, [script, "worker", url], {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
  });
  await once(worker, "message");
  return worker;
}

async function work(url: string): Promise<void> {
  process.once("disconnect", () => process.exit());
  const bus = await connect({ url });
  await bus.serve(adder, { concurrency: 32 });
  process.send?.("ready");
}

/** Of a process, in ticks of a hundredth of a second; 0 where the system does not tell. */
async function cpuMs({ pid }: ChildProcess): Promise<number> {
  const status = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  const fields = status.slice(status.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) * 10;
}

const [first = "1", second = "300", third = "100"] = process.argv.slice(2);
if (first === "worker") await work(second);
else await main(Number(first), Number(second), Number(third));

// A contestant's client or worker in a process of its own. Arguments: the role, the module's URL,
// the scene as JSON. Speaks with bench/contestant-process.ts over the IPC channel, and ends with it.
import {
  sampleInput,
  work,
  type ContestantModule,
  type Scene,
} from "./contestant.js";
import { measure, type Load, type Measured } from "./load.js";

export type ToChild = { kind: "measure"; load: Load } | { kind: "close" };
export type FromChild =
  | { kind: "ready" }
  | { kind: "measured"; measured: Measured }
  | { kind: "failed"; reason: string };

const [role, moduleUrl, sceneJson] = process.argv.slice(2) as [
  string,
  string,
  string,
];

function tell(message: FromChild): void {
  process.send?.(message);
}

function fail(error: unknown): void {
  tell({
    kind: "failed",
    reason:
      error instanceof Error ? (error.stack ?? error.message) : String(error),
  });
}

function onMessage(handle: (message: ToChild) => Promise<void>): void {
  process.on(
    "message",
    (message) => void handle(message as ToChild).catch(fail),
  );
}

async function close(opened: { close(): Promise<void> }): Promise<void> {
  await opened.close();
  process.disconnect();
}

async function main(): Promise<void> {
  const contestant = (await import(moduleUrl)) as ContestantModule;
  const scene = JSON.parse(sceneJson) as Scene;
  if (role === "worker") {
    const worker = await contestant.openWorker(scene, work);
    onMessage(() => close(worker));
  } else {
    const client = await contestant.openClient(scene);
    const send = () => client.send(sampleInput);
    const expected = work(sampleInput);
    onMessage(async (message) => {
      if (message.kind === "close") return close(client);
      tell({
        kind: "measured",
        measured: await measure(send, expected, message.load),
      });
    });
  }
  tell({ kind: "ready" });
}

process.once("disconnect", () =>
  setTimeout(() => process.exit(), 1000).unref(),
);
// Whoever waits for an answer hears of it at once; a worker's failure is also on the screen.
process.on("unhandledRejection", (error) => {
  console.error(error);
  fail(error);
});
main().catch(fail);

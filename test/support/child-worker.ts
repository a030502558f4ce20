// Another process that serves the agent "child".
import { spawnChild, type Child } from "./child.js";
import { eventually } from "./eventually.js";

interface ChildWorker
  extends AsyncDisposable, Pick<Child<WorkerSaid>, "pid" | "ended" | "signal"> {
  /** What its clock said when it was ready. */
  readonly now: number;
  /** The ids of the tasks that it began, in order. */
  readonly started: readonly string[];
}

export interface ChildWorkerOptions {
  url: string;
  namespace: string;
  ackWait?: `${number}s`;
  concurrency?: number;
}

/** The first when it is ready, and that of each task that it begins. */
export type WorkerSaid = { now: number } | { started: string };

/** Resolves when it takes tasks. */
export async function childWorker({
  clockShiftMs,
  ...told
}: ChildWorkerOptions & {
  /** How far its clock is from ours. */
  clockShiftMs?: number;
}): Promise<ChildWorker> {
  const clock = { clockShiftMs };
  const child = await spawnChild<WorkerSaid>("worker-process", told, clock);
  const { pid, said, ended, signal } = child;
  const { now } = (await eventually(() => said.find((line) => "now" in line), {
    what: "a child's readiness",
  }))!;
  return {
    pid,
    ended,
    signal,
    now,
    get started() {
      return said.flatMap((line) => ("started" in line ? [line.started] : []));
    },
    [Symbol.asyncDispose]: () => child.kill(),
  };
}

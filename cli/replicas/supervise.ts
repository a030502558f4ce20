// troupe work --replicas: a supervisor that serves nothing itself. It keeps its replicas running, gives them the
// number that the load asks for, and ends with them.
import { setTimeout as pause } from "node:timers/promises";
import { formatMs } from "../../protocol/duration.js";
import type { TroupeError } from "../../protocol/errors.js";
import type { Bus } from "../../troupe.js";
import { exitCodes, type ExitCode } from "../exit.js";
import { closeInTime, interrupted, openBus } from "../session.js";
import type { Call } from "../verb.js";
import { usableCores, type Bounds } from "./bounds.js";
import { Crew, type CrewEvent } from "./crew.js";
import { Observer } from "./observer.js";
import { passOn } from "./output.js";
import {
  decide,
  startScaling,
  type Decision,
  type Observation,
  type ScalingSettings,
} from "./policy.js";

export interface SupervisionOptions {
  bounds: Bounds;
  latencyMs: number;
  idleMs: number;
  drainMs: number;
  /** The words of the command for one replica. */
  args: readonly string[];
}

const observeEveryMs = 500;

export async function superviseReplicas(
  call: Call,
  options: SupervisionOptions,
): Promise<ExitCode> {
  // Held all the time, so that the project's own server outlives the restart of a replica.
  const bus = await openBus(call);
  const stop = new AbortController();
  const hurry = new AbortController();
  let failure: TroupeError | undefined;
  let killed = false;
  const crew = new Crew({
    args: options.args,
    most: options.bounds.most,
    drainMs: options.drainMs,
    onLine: (...line) => passOn(call.output, ...line),
    onEvent: (event) => {
      killed ||= event.kind === "killed";
      tell(call, event);
    },
    failed(error) {
      failure = error;
      stop.abort();
    },
  });
  hurry.signal.addEventListener("abort", () => crew.kill());
  onSignals(stop, hurry);
  crew.want(options.bounds.least);
  await scale(call, bus, crew, options, stop.signal);
  if (!failure) sayStopping(call, crew);
  await crew.drain();
  await closeInTime(bus).catch(() => undefined); // it has nothing in hand
  if (failure) throw failure;
  if (hurry.signal.aborted) process.exit(interrupted);
  return killed ? exitCodes.taskFailed : exitCodes.done;
}

/** Once to stop, twice to stop at once. */
function onSignals(stop: AbortController, hurry: AbortController): void {
  for (const signal of ["SIGTERM", "SIGINT"] as const)
    process.on(signal, () =>
      stop.signal.aborted ? hurry.abort() : stop.abort(),
    );
}

/** Resolves when it is told to stop. */
async function scale(
  call: Call,
  bus: Bus,
  crew: Crew,
  { bounds, latencyMs, idleMs }: SupervisionOptions,
  signal: AbortSignal,
): Promise<void> {
  if (bounds.least === bounds.most) return untilAborted(signal);
  const cores = usableCores();
  const settings: ScalingSettings = { ...bounds, latencyMs, idleMs, cores };
  const observer = new Observer(bus);
  let scaling = startScaling(bounds);
  let blind = false;
  for (;;) {
    await pause(observeEveryMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    try {
      const seen = await observer.observe(crew.serving);
      const decision = decide(scaling, seen, settings);
      if (decision.reason !== undefined && !signal.aborted) {
        sayChange(call, scaling.wanted, decision, seen);
        crew.want(decision.scaling.wanted);
      }
      scaling = decision.scaling;
      blind = false;
    } catch (error) {
      if (!blind) call.output.error(error); // once: the number of replicas stays as it is
      blind = true;
    }
  }
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

function sayChange(
  call: Call,
  from: number,
  { scaling, reason }: Decision,
  seen: Observation,
): void {
  const to = scaling.wanted;
  call.output.result(
    { supervisor: "scales", from, to, reason, seen },
    () => `replicas ${from} → ${to}: ${reason}`,
  );
}

function sayStopping({ output }: Call, crew: Crew): void {
  const { length } = crew.serving;
  const who = length === 1 ? "1 replica finishes" : `${length} replicas finish`;
  output.note(
    `stopping: ${who} what is in hand; again to leave it to other workers`,
  );
}

function tell(call: Call, event: CrewEvent): void {
  const { replica, kind } = event;
  const { number, pid, end, livedMs } = replica;
  const againInMs = event.kind === "died" ? Math.round(event.again) : 0;
  const again = kind === "died" ? { againInMs } : {};
  const lived = Math.round(livedMs);
  call.output.result(
    { supervisor: kind, replica: number, pid, end, livedMs: lived, ...again },
    () => {
      const name = `replica ${number} (pid ${pid})`;
      if (event.kind === "serves") return `${name} serves`;
      if (event.kind === "left") return `${name} has finished and left`;
      if (event.kind === "killed")
        return `${name} did not finish in time and was killed: others take what it had in hand`;
      const how =
        typeof end === "number" ? `with exit code ${end}` : `by ${end}`;
      return `${name} ended ${how} after ${formatMs(lived)}; again in ${formatMs(againInMs)}`;
    },
  );
}

// Two agents of one name share their tasks: that is how versions are replaced, and a surprise where two programs have
// chosen the same name.
import type { InstanceCard } from "../protocol/card.js";
import type { Worker } from "../workers/worker.js";
import type { Bus } from "../troupe.js";
import type { Call } from "./verb.js";

/** Of who begins to serve: a note where others serve something else by that name. */
export async function noteOthers(
  call: Call,
  bus: Bus,
  workers: readonly Worker[],
): Promise<void> {
  if (call.output.json) return;
  const living = await bus.instances();
  for (const worker of workers) {
    const others = othersThan(worker.card(), living);
    if (others.length > 0)
      call.output.note(
        `note: "${worker.agent}" is also served by ${others.join(", ")}: its tasks go to either`,
      );
  }
}

/** `pid 4711 (version 1.2.0)` each, of those whose card says something else. */
function othersThan(
  mine: InstanceCard,
  living: readonly InstanceCard[],
): string[] {
  const others = living.filter(
    ({ agent, lane, card, state }) =>
      agent === mine.agent &&
      lane === mine.lane &&
      card !== mine.card &&
      state !== "stopped",
  );
  return [
    ...new Set(
      others.map(({ pid, version }) => {
        const what =
          version === mine.version ? ", with other skills or words" : "";
        return `pid ${pid} (version ${version}${what})`;
      }),
    ),
  ];
}

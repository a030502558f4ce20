// Processes that serve the agent "limited", and what they said of their tasks.
import type { TestContext } from "node:test";
import { startChild, type Child } from "./child.js";
import type { LimitsOrder, Stretch } from "./limits-process.js";
import type { SharedServer } from "./shared-server.js";

type Said = { ready?: true; news?: Stretch[] };
export type Limited = Child<Said>;

export function startLimited(
  shared: SharedServer,
  t: TestContext,
  order: Omit<LimitsOrder, "url" | "namespace">,
): Promise<Limited> {
  const { url } = shared.server;
  const namespace = shared.namespaceOf(t);
  return startChild<Said>(t, "limits-process", { url, namespace, ...order });
}

/** Of each handler that ran, as far as it is known. */
export function stretchesOf(children: readonly Limited[]): Stretch[] {
  return children.flatMap(({ said }) => {
    const stretches = new Map<string, Stretch>();
    for (const { news = [] } of said)
      for (const stretch of news)
        stretches.set(`${stretch.task} ${stretch.begun}`, stretch);
    return [...stretches.values()];
  });
}

/** How many ran at the same time, at most; what has no end went on until `until`. */
export function mostAtOnce(
  stretches: readonly Stretch[],
  until: (stretch: Stretch) => number,
): number {
  const steps = stretches.flatMap((stretch) => [
    { at: stretch.begun, by: 1 },
    { at: stretch.ended ?? until(stretch), by: -1 },
  ]);
  steps.sort((a, b) => a.at - b.at || a.by - b.by);
  let now = 0;
  let most = 0;
  for (const { by } of steps) most = Math.max(most, (now += by));
  return most;
}

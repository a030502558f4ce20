// Which tasks there are. Those that wait are read from their queues, next first; those that have ended come
// from the projection. Pages are stable: what comes meanwhile neither moves nor repeats what was there.
//
// 1. A cursor among ended tasks names the last that was given and how far the log went for the first page.
// 2. A task that ends between two pages may come twice, once in each state, and never not at all.
import { z } from "zod";
import { fromCursor, toCursor } from "./cursor.js";
import { endedPage, endedPlace } from "./ended-page.js";
import type { Answer, FoundTask, Query } from "./queries.js";
import type { View } from "./view.js";
import { waitingPage, waitingPlace } from "./waiting-page.js";

const place = z.union([waitingPlace, endedPlace]);

export async function queryTasks(
  view: View,
  query: Query<"tasks">,
): Promise<Answer<"tasks">> {
  const { projection, standing } = await view.upToDate();
  const from = fromCursor(query, place) ?? {
    in: "queues" as const,
  };
  let page: Page = { tasks: [], next: undefined };
  if (from.in === "queues" && wantsWaiting(query))
    page = await waitingPage(view, projection, query, from);
  if (!page.next) {
    const rest = query.limit - page.tasks.length;
    const after = from.in === "log" ? from : undefined;
    const ended = await endedPage(view, projection, query, rest, after);
    page = { tasks: [...page.tasks, ...ended.tasks], next: ended.next };
  }
  return {
    tasks: page.tasks,
    ...(page.next ? { cursor: toCursor(query, page.next) } : {}),
    log: standing(),
  };
}

interface Page {
  tasks: FoundTask[];
  /** Where the next begins, when this one is full. */
  next: z.infer<typeof place> | undefined;
}

/** How long it took is known of what has ended. */
function wantsWaiting({ state, order }: Query<"tasks">): boolean {
  if (state === undefined) return order !== "slowest";
  return [state].flat().some((each) => waitingStates.includes(each));
}

const waitingStates: readonly FoundTask["state"][] = [
  "submitted",
  "working",
  "input-required",
];

// Whom the firings of a schedule go to that names what is needed. Who is chosen is written into the record before the
// first of their tasks is submitted: whoever takes the firings over sends them to the same agent, which knows their ids.
import { hasCode } from "../../protocol/errors.js";
import type { Need } from "../../protocol/need.js";
import type { ScheduleDefinition } from "../../protocol/schedule.js";
import type { Place, Router } from "../routing/router.js";
import type { Names } from "../tasks/target.js";

/**
 * Who of those that take tasks now; where none does, one of those that have: its tasks wait in its queue, for a firing
 * is not to be lost because an agent restarts. Throws NO_CANDIDATE.
 */
export async function chooseFor(
  router: Router,
  need: Need,
  { key, context, lane }: Pick<ScheduleDefinition, "key" | "context" | "lane">,
  except: (names: Names) => boolean = () => false,
): Promise<Place> {
  const options = { key, context, lane, except };
  try {
    return await router.place(need, options);
  } catch (error) {
    if (!hasCode(error, "NO_CANDIDATE") || need.offline === true) throw error;
    return router.place({ ...need, offline: true }, options);
  }
}

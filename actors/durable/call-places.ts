// Whom a machine calls that only says what it needs: found before the record is stored, and part of it from then
// on. Whoever sends the call again sends it to the same, and a step that is repeated, because somebody else was
// first, has sent nothing.
import type { Router } from "../../bus/routing/router.js";
import { hasCode } from "../../protocol/errors.js";
import type { Call } from "./effects.js";
import type { Persisted } from "./record.js";
import type { Step } from "./step.js";

interface Caller {
  agent: string;
  context: string;
}

/** Nothing to wait for where all calls name their skill. Throws when the directory of agents cannot be read. */
export function placeCalls(
  router: Router,
  caller: Caller,
  { effects, state }: Step,
): Promise<unknown> | undefined {
  const calls = effects.filter(
    (effect): effect is Call =>
      effect.kind === "call" && effect.need !== undefined,
  );
  if (calls.length === 0) return undefined;
  const placing = calls.map(async (call) => {
    Object.assign(call, await placeOf(router, caller, call));
    name(state.snapshot, call);
  });
  return Promise.all(placing);
}

async function placeOf(
  router: Router,
  caller: Caller,
  call: Call,
): Promise<Partial<Call>> {
  const { need, context = caller.context, key, lane } = call;
  try {
    const placed = await router.place(need!, { context, key, lane });
    const { agent, skill, route } = placed;
    return {
      agent,
      skill,
      route,
      ...(placed.lane === undefined ? {} : { lane: placed.lane }),
    };
  } catch (error) {
    if (!hasCode(error, "NO_CANDIDATE")) throw error;
    const { code, message } = error;
    // It ends under the caller's own name: there is no other.
    return { agent: caller.agent, refused: { code, message } };
  }
}

/** The actor that waits for the call must know where to cancel it. */
function name(snapshot: Persisted, { task, agent }: Call): void {
  if (snapshot.call?.task === task) snapshot.call.agent = agent;
  for (const child of Object.values(snapshot.children ?? {}))
    name(child.snapshot, { task, agent } as Call);
}

// Tasks that nothing will wake any more, as the leading orchestrator has found and told (orchestrator/duties).
import { z } from "zod";
import type { TaskName } from "../../protocol/subjects.js";
import type { Link } from "../connection/connection.js";
import { agentEvents } from "../history/agent-events.js";
import { findTask } from "./task-list.js";

export interface StuckTask extends TaskName {
  /** When it last did something. */
  writtenAt: string;
}

const told = z.object({ taskId: z.string(), writtenAt: z.string() });

/** Without those that are there again, or have ended. */
export async function stuckTasks(
  link: Link,
  agent?: string,
): Promise<StuckTask[]> {
  const stuck = new Map<string, StuckTask>();
  for await (const event of agentEvents(link, { kind: "stuck", agent })) {
    const data = told.safeParse(event.data); // anyone may write there (R7)
    if (!data.success) continue;
    const task = { agent: event.agent, ...data.data };
    stuck.set(`${task.agent}/${task.taskId}`, task);
  }
  const found = await Promise.all(
    [...stuck.values()].map(async (task) => {
      const there = await findTask(link, task.taskId, task.agent);
      return there ? [] : [task];
    }),
  );
  return found.flat();
}

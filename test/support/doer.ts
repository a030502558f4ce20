// An agent with one skill that takes anything, for tests that are about how it is run.
import { z } from "zod";
import {
  agent,
  skill,
  type RetryPolicy,
  type TaskContext,
  type TaskEvent,
  type TaskHandle,
} from "../../index.js";

export const quiet = { signals: false } as const;

export function doer(
  run: (input: unknown, task: TaskContext) => unknown,
  more: { retry?: RetryPolicy; timeout?: "80ms" } = {},
  name = "doer",
) {
  const description = "Does it";
  return agent(name, {
    skills: { do: skill({ description, input: z.any(), ...more, run }) },
  });
}

/** All events of a task up to its end. */
export async function story(task: TaskHandle): Promise<TaskEvent[]> {
  const events: TaskEvent[] = [];
  for await (const event of task.events({ timeout: "10s" })) events.push(event);
  return events;
}

/** A promise and what resolves it. */
export function gate(): { opened: Promise<void>; open: () => void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

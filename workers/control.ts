// What the instances of an agent are told while they run: that a task in hand was canceled, or to drain.
import { parseDrain, type DrainNotice } from "../bus/registry/agent-orders.js";
import { parseCancel } from "../bus/tasks/cancel.js";
import type { Link } from "../bus/connection/connection.js";

interface Told {
  canceled(taskId: string, reason: string): void;
  drain(notice: DrainNotice): void;
}

/** Answers how to hear no more. */
export function listenToControl(
  link: Link,
  agent: string,
  told: Told,
): () => void {
  const { control } = link.subjects;
  const stops = [
    link.hear(control(agent, "cancel"), ({ data }) => {
      const notice = parseCancel(data);
      if (notice) told.canceled(notice.taskId, notice.reason);
    }),
    link.hear(control(agent, "drain"), ({ data }) => {
      const notice = parseDrain(data);
      if (notice) told.drain(notice);
    }),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

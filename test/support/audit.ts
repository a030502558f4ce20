// Checks against the streams themselves that all that was accepted ended exactly once (R1, R2).
import assert from "node:assert/strict";
import { Link } from "../../bus/connection/connection.js";
import { queuesOf } from "../../bus/history/history.js";
import { parseDeadSubject } from "../../protocol/addresses.js";
import { terminalStates } from "../../protocol/task.js";
import { connect, type TaskEvent } from "../../index.js";
import { eventually } from "./eventually.js";

interface Audit {
  /** Every event of each task, oldest first. */
  readonly histories: ReadonlyMap<string, readonly TaskEvent[]>;
  readonly ends: ReadonlyMap<string, TaskEvent>;
}

interface Books {
  url: string;
  namespace?: string;
  /** Ids of tasks whose submit was acknowledged. */
  accepted: Iterable<string>;
  /** Ids of those that must stand on the dead-letter stream, and no other. */
  dead?: Iterable<string>;
  /** What the submitters were told, by task. */
  told?: ReadonlyMap<string, unknown>;
}

export async function audit(books: Books): Promise<Audit> {
  const { url, namespace = "troupe", accepted, dead = [], told } = books;
  const histories = await readLog(url, namespace);
  const ends = new Map<string, TaskEvent>();
  for (const [id, events] of histories) {
    const terminal = events.filter(isEnd);
    assert.ok(
      terminal.length <= 1,
      `task ${id} ended ${terminal.length} times`,
    );
    if (terminal[0]) ends.set(id, terminal[0]);
  }
  const lost = [...accepted].filter((id) => !ends.has(id));
  assert.deepEqual(lost, [], "accepted, and never ended");
  for (const [id, result] of told ?? [])
    assert.deepEqual(result, ends.get(id)?.output, `task ${id}`);
  await checkStreams(url, namespace, new Set(dead));
  return { histories, ends };
}

export function isEnd({ kind }: TaskEvent): boolean {
  return terminalStates.some((state) => state === kind);
}

async function readLog(
  url: string,
  namespace: string,
): Promise<Map<string, TaskEvent[]>> {
  await using bus = await connect({ url, namespace });
  const histories = new Map<string, TaskEvent[]>();
  for await (const event of bus.replay()) {
    const events = histories.get(event.taskId) ?? [];
    histories.set(event.taskId, events);
    events.push(event);
  }
  return histories;
}

/** The last acknowledgements may still be on their way, or lost with who sent them. */
async function checkStreams(
  url: string,
  namespace: string,
  dead: Set<string>,
): Promise<void> {
  const link = await Link.open({ url, namespace, timeoutMs: 5_000 });
  try {
    const { streams, all } = link.subjects;
    for (const queue of [...(await queuesOf(link)), streams.timers])
      await eventually(
        async () => (await link.jsm.streams.info(queue)).state.messages === 0,
        { what: `an empty ${queue}`, timeoutMs: 20_000 },
      );
    const { state } = await link.jsm.streams.info(streams.dead, {
      subjects_filter: all.dead,
    });
    const letters = Object.keys(state.subjects ?? {}).map(
      (subject) => parseDeadSubject(subject).taskId,
    );
    assert.deepEqual(new Set(letters), dead, "dead letters");
  } finally {
    await link.close();
  }
}

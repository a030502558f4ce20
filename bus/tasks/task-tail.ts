// The stored events of one task, each once and in order, for as long as somebody follows them. What is published
// to the log is heard at once, also what the log then refuses; so hearing is only a reason to read. It is read now
// and then as well: what was published just before the subscription is heard by nobody, and may be stored later.
import { messageOf } from "../../protocol/errors.js";
import type { TaskEvent } from "../../protocol/task.js";
import type { Link } from "../connection/connection.js";
import { eventsOf } from "../history/history.js";

/** What was heard may not be stored yet: these pauses lie between reads, and then it was refused. */
const firstPauseMs = 4;
const lastPauseMs = 1_000;
const firstLookMs = 100;
const slowestLookMs = 10_000;

export class TaskTail {
  readonly #link: Link;
  readonly #taskId: string;
  readonly #agent: string | undefined;
  readonly #onEvent: (event: TaskEvent) => void;
  readonly #hearNoMore: () => void;
  /** By how many events more were heard than read. */
  #missing = 0;
  #last = 0;
  #reading = false;
  #look: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(
    link: Link,
    { taskId, agent }: { taskId: string; agent: string | undefined },
    onEvent: (event: TaskEvent) => void,
  ) {
    this.#link = link;
    this.#taskId = taskId;
    this.#agent = agent;
    this.#onEvent = onEvent;
    const subject = link.subjects.taskEventsWhere({ taskId, agent });
    this.#hearNoMore = link.hear(subject, () => {
      this.#missing++;
      this.#follow();
    });
    this.#lookIn(firstLookMs);
  }

  /** All events that are on the log now have been told when this resolves. */
  async read(): Promise<void> {
    const events = await eventsOf(this.#link, this.#taskId, this.#agent);
    for (const event of events) {
      if (this.#stopped || event.sequence! <= this.#last) continue;
      this.#last = event.sequence!;
      this.#missing = Math.max(0, this.#missing - 1);
      this.#onEvent(event);
    }
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#look);
    this.#hearNoMore();
  }

  #lookIn(ms: number): void {
    this.#look = setTimeout(() => {
      this.#follow();
      this.#lookIn(Math.min(slowestLookMs, ms * 3));
    }, ms);
  }

  #follow(): void {
    if (this.#reading) return;
    this.#reading = true;
    void this.#readUntilNothingMisses().finally(() => (this.#reading = false));
  }

  async #readUntilNothingMisses(): Promise<void> {
    for (let pauseMs = firstPauseMs; ; pauseMs *= 3) {
      try {
        await this.read();
      } catch (error) {
        this.#link.log.debug(
          { task: this.#taskId, error: messageOf(error) },
          "could not read the events of a task",
        );
      }
      if (this.#stopped || pauseMs > lastPauseMs) this.#missing = 0;
      if (this.#missing === 0) return;
      await pause(pauseMs);
    }
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}

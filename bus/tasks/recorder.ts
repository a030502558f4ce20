// Writes what becomes of a task on the log. R2 is kept here: a terminal event is stored only under the
// expectation that none is stored yet, and the server decides. Once it is stored, its submitter is told.
import { TroupeError } from "../../protocol/errors.js";
import { encodeHeaders, type Headers } from "../../protocol/headers.js";
import { noOrigin, type TaskName } from "../../protocol/subjects.js";
import {
  typeOfState,
  type EndState,
  type TaskEvent,
  type TerminalState,
} from "../../protocol/task.js";
import {
  attemptBody,
  completedBody,
  endedBody,
  eventHeaders,
  fallbackBody,
  returnedBody,
  startedBody,
  type EventFacts,
} from "../../protocol/task-event-bodies.js";
import type { Link } from "../connection/connection.js";
import { wakeFor } from "../journal/waker.js";
import { EndNotices } from "./end-notices.js";
import { letterHeaders, type Letter } from "./letter.js";
import { endOf } from "../history/history.js";
import { contentTypeOf } from "../../protocol/task-message.js";
import type { Stored } from "../streams/acknowledgement.js";
import type { Publisher } from "../streams/publisher.js";

/** The task that an event speaks of. */
export interface Subject {
  agent: string;
  taskId: string;
  origin: string;
  /** Whoever submitted it gave its id, and may have submitted it before, from another connection. */
  isNamed?: boolean;
  /** The place of the last event that its executor knows of. After a later one, another has the task, and is to end it. */
  lastEvent?: number | undefined;
  /** The request, for the terminal event to carry. */
  params: unknown;
  /** The task that called it: woken when it has ended. */
  parent?: TaskName | undefined;
}

export class Recorder {
  readonly #link: Link;
  readonly #publisher: Publisher;
  readonly #notices: EndNotices;

  constructor(link: Link, publisher: Publisher) {
    this.#link = link;
    this.#notices = new EndNotices(link);
    this.#publisher = publisher;
  }

  /** False when another terminal event was first. Throws CONFLICT where another has the task and has not ended it. */
  completed(
    task: Subject,
    output: unknown,
    facts: EventFacts,
  ): Promise<boolean> {
    let body: Uint8Array;
    try {
      body = completedBody(task.taskId, output, task.params, facts.contentType);
      if (body.length > this.#roomForBody())
        body = completedBody(task.taskId, output, undefined, facts.contentType);
    } catch (cause) {
      return Promise.reject(cannotBeStored(task, cause as TroupeError));
    }
    return this.#end(task, "completed", body, facts);
  }

  /** False when another terminal event was first. */
  ended(
    task: Subject,
    state: EndState,
    error: TroupeError,
    facts: EventFacts,
  ): Promise<boolean> {
    let body = endedBody(task.taskId, error, task.params, facts.contentType);
    if (body.length > this.#roomForBody())
      body = endedBody(task.taskId, error, undefined, facts.contentType);
    return this.#end(task, state, body, facts);
  }

  /** Who stored its end may have died before it could tell. False where it has not ended. */
  async tellAgain(task: Subject): Promise<boolean> {
    const { agent, taskId, origin } = task;
    const end = await endOf(this.#link, taskId, agent);
    if (!end) return false;
    if (task.parent) await this.#wakeParent(task.parent);
    const contentType = contentTypeOf(end.headers, end.body);
    this.#notices.tell({ agent, origin, contentType, body: end.body });
    return true;
  }

  started(task: Subject, facts: EventFacts): Promise<Stored> {
    return this.#event(
      task,
      "started",
      "task.started",
      startedBody(task.taskId, facts.contentType),
      facts,
    );
  }

  attemptFailed(
    task: Subject,
    attempt: { error: TroupeError; retryAt: number },
    facts: EventFacts,
  ): Promise<Stored> {
    const body = attemptBody(
      task.taskId,
      { ...attempt, attempt: facts.attempt },
      facts.contentType,
    );
    return this.#event(task, "attempt", "task.attempt", body, facts);
  }

  /** The attempt was given back undone. */
  returned(
    task: Subject,
    error: TroupeError,
    facts: EventFacts,
  ): Promise<Stored> {
    const body = returnedBody(task.taskId, error, facts.contentType);
    return this.#event(task, "returned", "task.returned", body, facts);
  }

  /** Another task does it now. */
  fellBack(
    task: Subject,
    why: {
      error: TroupeError;
      fallback: NonNullable<TaskEvent["fallback"]>;
    },
    facts: EventFacts,
  ): Promise<Stored> {
    const body = fallbackBody(task.taskId, why, facts.contentType);
    return this.#event(task, "fallback", "task.fallback", body, facts);
  }

  /** The original message, byte for byte, with why it is here and what it has been through. */
  async dead(letter: Letter): Promise<Stored> {
    const subject = this.#link.subjects.dead(
      letter.agent,
      letter.skill || "unknown",
      letter.taskId,
    );
    const { full, essential } = letterHeaders(letter);
    const headers = [full, essential]
      .map(encodeHeaders)
      .find((block) => this.#fits(block.length + letter.body.length));
    // A body that leaves no room for a word about it is kept by the terminal event's request alone.
    if (headers) return this.#publisher.store(subject, headers, letter.body);
    return this.#publisher.store(
      subject,
      encodeHeaders(full),
      new Uint8Array(0),
    );
  }

  #end(
    task: Subject,
    state: TerminalState,
    body: Uint8Array,
    facts: EventFacts,
  ): Promise<boolean> {
    const { agent, taskId, origin } = task;
    const subject = this.#link.subjects.taskEvent({
      agent,
      taskId,
      kind: "end",
      origin,
    });
    const headers = encodeHeaders(this.#firstEnd(task, state, facts));
    const notice = { agent, origin, contentType: facts.contentType, body };
    const ending = new Promise<boolean>((resolve, reject) => {
      const alone =
        this.#notices.begin() &&
        this.#publisher.answersEach &&
        origin !== noOrigin;
      const { reconnectedAt } = this.#link;
      const done = (error: TroupeError | undefined): void => {
        this.#notices.finish();
        if (!error) {
          resolve(true);
          if (!alone || this.#link.reconnectedAt !== reconnectedAt)
            this.#notices.tell(notice);
        } else if (error.code === "CONFLICT") {
          // It may be our own, whose acknowledgement got lost.
          this.tellAgain(task).then(
            (hasEnded) => (hasEnded ? resolve(false) : reject(error)),
            reject,
          );
        } else reject(error);
      };
      const options = alone ? { hearer: origin } : undefined;
      try {
        const confirmation = this.#publisher.publish(
          subject,
          headers,
          body,
          done,
          options,
        );
        if (alone) this.#notices.foretell(notice, confirmation);
      } catch (error) {
        done(error as TroupeError); // it can never be sent
      }
    });
    const { parent } = task;
    if (!parent) return ending;
    return ending.then(async (first) => {
      if (first) await this.#wakeParent(parent); // else it was done when it was told again
      return first;
    });
  }

  /** R2. A task that was submitted twice has two origins, and yet it ends once. */
  #firstEnd(
    { agent, taskId, isNamed, lastEvent }: Subject,
    state: TerminalState,
    facts: EventFacts,
  ): Headers {
    const headers = eventHeaders(typeOfState(state), facts, lastEvent ?? 0);
    const ofAny = { agent, taskId };
    if (lastEvent !== undefined)
      headers.expectedLastSubject = this.#link.subjects.taskEventsWhere(ofAny);
    else if (isNamed === true)
      headers.expectedLastSubject = this.#link.subjects.taskEventsWhere({
        ...ofAny,
        kind: "end",
      });
    return headers;
  }

  /** Throws when that cannot be done now: whoever stored the end is then to come by here again (R3). */
  #wakeParent(parent: TaskName): Promise<void> {
    return wakeFor(this.#link, this.#publisher, parent);
  }

  #event(
    task: Subject,
    kind: string,
    type: string,
    body: Uint8Array,
    facts: EventFacts,
  ): Promise<Stored> {
    const subject = this.#link.subjects.taskEvent({
      agent: task.agent,
      taskId: task.taskId,
      kind,
      origin: task.origin || noOrigin,
    });
    return this.#publisher.store(
      subject,
      encodeHeaders({ ...eventHeaders(type, facts), skill: facts.skill }),
      body,
    );
  }

  #roomForBody(): number {
    return this.#link.maxPayload - 2048;
  }

  #fits(bytes: number): boolean {
    return bytes <= this.#link.maxPayload;
  }
}

function cannotBeStored(
  { agent, taskId }: Subject,
  cause: TroupeError,
): TroupeError {
  return new TroupeError(
    "OUTPUT_INVALID",
    `what "${agent}" returned for task "${taskId}" cannot be stored: ${cause.message}`,
    { cause },
  );
}

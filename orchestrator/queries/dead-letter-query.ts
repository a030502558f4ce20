// Which dead letters there are, read from their stream: what was purged or redriven is not in the answer.
import { z } from "zod";
import { DeadLetter } from "../../bus/tasks/dead-letters.js";
import { messagesBefore, messagesOn } from "../../bus/history/stored.js";
import { fromCursor, toCursor } from "./cursor.js";
import type { Answer, Query } from "./queries.js";
import { textFilter, timeFilter, type View } from "./view.js";

/** So long letters are looked at for one page; the page then ends early, with a cursor. */
const readForMs = 700;

const place = z.object({ after: z.int() });

export async function queryDeadLetters(
  view: View,
  query: Query<"dead-letters">,
): Promise<Answer<"dead-letters">> {
  const { standing } = await view.upToDate();
  const from = fromCursor(query, place);
  const isInTime = timeFilter(view.link, query);
  const isError = textFilter(query.error);
  const letters: Answer<"dead-letters">["letters"] = [];
  const until = performance.now() + readForMs;
  let last = 0;
  let isMore = false;
  for await (const letter of lettersOf(view, query, from?.after)) {
    isMore =
      letters.length === query.limit || (last > 0 && performance.now() > until);
    if (isMore) break;
    last = letter.sequence;
    const { code, error, at } = letter;
    const isWanted =
      (query.code === undefined || code === query.code) &&
      isInTime(at.getTime()) &&
      (query.error === undefined || isError(error));
    if (isWanted) letters.push(toFound(letter));
  }
  return {
    letters,
    ...(isMore ? { cursor: toCursor(query, { after: last }) } : {}),
    log: standing(),
  };
}

async function* lettersOf(
  { link, publisher }: View,
  query: Query<"dead-letters">,
  after: number | undefined,
): AsyncGenerator<DeadLetter> {
  const { agent, skill, task: taskId, order } = query;
  const subject = link.subjects.deadWhere({ agent, skill, taskId });
  const { dead } = link.subjects.streams;
  const messages =
    order === "newest"
      ? messagesBefore(link, dead, subject, after)
      : messagesOn(link, dead, subject, (after ?? 0) + 1);
  for await (const stored of messages)
    yield new DeadLetter(link, publisher, stored);
}

function toFound(
  letter: DeadLetter,
): Answer<"dead-letters">["letters"][number] {
  const { taskId, agent, skill, code, error, attempts, at, sequence } = letter;
  const when = at.toISOString();
  return { taskId, agent, skill, code, error, attempts, at: when, sequence };
}

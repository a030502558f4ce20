// Where a page of an answer ended, as a text that means nothing to who holds it. It fits the question that it
// came from, and no other.
import { createHash } from "node:crypto";
import type { z } from "zod";
import { TroupeError } from "../../protocol/errors.js";

/** What of a question must stay the same from page to page. */
function digestOfQuestion(question: object): string {
  const {
    limit: _limit,
    cursor: _cursor,
    ...rest
  } = question as {
    limit?: unknown;
    cursor?: unknown;
  };
  const text = JSON.stringify(rest, Object.keys(rest).toSorted());
  return createHash("sha256").update(text).digest("base64url").slice(0, 8);
}

export function toCursor(question: object, place: unknown): string {
  const said = [digestOfQuestion(question), place];
  return Buffer.from(JSON.stringify(said)).toString("base64url");
}

/** Undefined for a first page. Throws ARGUMENT_INVALID. */
export function fromCursor<Place>(
  question: { cursor?: string | undefined },
  schema: z.ZodType<Place>,
): Place | undefined {
  if (question.cursor === undefined) return undefined;
  const [digest, place] = parse(question.cursor);
  if (digest !== digestOfQuestion(question)) throw invalid("of another query");
  const parsed = schema.safeParse(place);
  if (!parsed.success) throw invalid("none of ours");
  return parsed.data;
}

function parse(cursor: string): unknown[] {
  try {
    const said: unknown = JSON.parse(
      Buffer.from(cursor, "base64url").toString(),
    );
    return Array.isArray(said) ? said : [];
  } catch {
    return [];
  }
}

function invalid(why: string): TroupeError {
  return new TroupeError(
    "ARGUMENT_INVALID",
    `the cursor is ${why}: send the same filters and order with it as for the page before, or begin without one`,
  );
}

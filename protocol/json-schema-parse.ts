// Parsing by a JSON Schema that somebody else wrote, on a card or in a plan: never for longer than a moment. Whoever may
// serve an agent, or write a plan, may write a pattern that would hold every process that checks by it for minutes.
import type { z } from "zod";
import type { ErrorCode } from "./errors.js";
import { risksIn } from "./json-schema-risk.js";
import { toZod } from "./json-schema.js";
import { parseWith } from "./schema.js";
import { TimeBox } from "./time-box.js";

const longestMs = 500;

/** What the checks that are done at once may take in all. */
export const checkingTime = (): TimeBox => new TimeBox(longestMs);

export class ForeignSchema {
  /** Where in it stands what may take long. */
  readonly risks: readonly string[];
  readonly #schema: Record<string, unknown>;
  /** Made when it is first needed. */
  #zod: z.ZodType | undefined;

  constructor(schema: Record<string, unknown>) {
    this.#schema = schema;
    this.risks = risksIn(schema);
  }

  /**
   * Throws `code` with the path of the field; TookTooLong; and what zod throws for what is no schema. Without a time
   * of its own, only what may take long is bounded: that costs more than most checks do.
   */
  parse(value: unknown, code: ErrorCode, what: string, time?: TimeBox) {
    const parse = () =>
      parseWith((this.#zod ??= toZod(this.#schema)), value, code, what);
    if (time === undefined && this.risks.length === 0) return parse();
    try {
      return (time ?? checkingTime()).run(parse);
    } catch (error) {
      this.#zod = undefined; // what was interrupted may be half made
      throw error;
    }
  }
}

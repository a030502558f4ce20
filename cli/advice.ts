// What the bus advises, in the words of the command: its messages speak to programs, of fields such as { wait: "30s" }
// and of methods, and who types a command has options.
import { TroupeError } from "../protocol/errors.js";
import { commandLine } from "./command-line.js";
import type { Options } from "./verb.js";

/** The same error, with what to do about it as the options of this verb have it. */
export function inOptions(error: unknown, options: Options): unknown {
  if (!(error instanceof TroupeError)) return error;
  const message = textInOptions(error.message, options);
  if (message === error.message) return error;
  const { code, retryable, data } = error;
  return new TroupeError(code, message, {
    cause: error,
    retryable,
    ...(data && { data }),
  });
}

/** `{ wait: "30s" }`, `{ timeout }`. What somebody gave as JSON has its names in quotes, and stays as it is. */
const field = /\{ ([a-z]\w*)(?:: ("[^"]*"))? \}/g;

export function textInOptions(text: string, options: Options): string {
  return text
    .replaceAll(
      /Wait longer with bus\.task\("(.*?)"\)\.result\(\{ timeout \}\), or see whether a worker for it is running/g,
      (_, id: string) =>
        `${options["timeout"] ? "Wait longer with --timeout, or see" : "See"} how it is: ${commandLine`tasks show ${id}`}`,
    )
    .replaceAll(
      /, (correct the \w+), or submit by the imported skill instead of its name/g,
      ", or $1",
    )
    .replaceAll("bus.schedules.list() or ", "")
    .replaceAll("events({ timeout })", "{ timeout }")
    .replaceAll(field, (said, name: string, value?: string) =>
      options[name]?.type !== "string"
        ? said
        : `--${name}${value === undefined ? "" : ` ${value}`}`,
    )
    .replaceAll(
      ', ask for less, or wait for one with { wait: "30s" }',
      ", or ask for less",
    )
    .replaceAll(', or wait for one with { wait: "30s" }', "");
}

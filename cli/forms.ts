// Verbs of several forms: the first word says which, such as `troupe agents show`.
import { wrongUsage, type ExitCode } from "./exit.js";
import { unknownWord } from "./nearest.js";
import type { Call } from "./verb.js";

type Form = (call: Call) => Promise<ExitCode>;

/** Without a word it is the `first`. Throws ARGUMENT_INVALID for a form that there is not. */
export function runForm(
  verb: string,
  forms: Readonly<Record<string, Form>>,
  call: Call,
  first = "ls",
): Promise<ExitCode> {
  const word = call.words[0] ?? first;
  if (Object.hasOwn(forms, word)) return forms[word]!(call);
  throw wrongUsage(unknownWord(`form of ${verb}`, word, Object.keys(forms)));
}

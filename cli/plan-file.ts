// A plan from a file.
import { messageOf } from "../protocol/errors.js";
import { wrongUsage } from "./exit.js";
import { textIn } from "./values.js";
import type { Call } from "./verb.js";

/** The plan in the file that the word at this place names; "-" is standard input. */
export function readPlan(call: Call, at: number): unknown {
  const file = call.word(at, "the FILE");
  let text: string;
  try {
    text = textIn(file === "-" ? 0 : file);
  } catch (error) {
    throw wrongUsage(`"${file}" cannot be read: ${messageOf(error)}`);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw wrongUsage(`"${file}" holds no JSON: ${messageOf(error)}`);
  }
}

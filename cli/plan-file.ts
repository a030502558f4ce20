// A plan from a file.
import { readFileSync } from "node:fs";
import { messageOf } from "../protocol/errors.js";
import { wrongUsage } from "./exit.js";
import type { Call } from "./verb.js";

/** The plan in the file that the word at this place names; "-" is standard input. */
export function readPlan(call: Call, at: number): unknown {
  const file = call.word(at, "the FILE");
  let text: string;
  try {
    text = readFileSync(file === "-" ? 0 : file, "utf8");
  } catch (error) {
    throw wrongUsage(`"${file}" cannot be read: ${messageOf(error)}`);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw wrongUsage(`"${file}" holds no JSON: ${messageOf(error)}`);
  }
}

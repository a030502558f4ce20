// One call of the command, from its words to its exit code. Nothing thrown below leaves it.
import { readFileSync } from "node:fs";
import { inOptions } from "./advice.js";
import { exitCodeOf, exitCodes, wrongUsage } from "./exit.js";
import { overview, page } from "./help.js";
import { unknownWord } from "./nearest.js";
import { Output, type Streams } from "./output.js";
import { startTelemetry } from "./telemetry.js";
import { Call, parseWords, type Verb } from "./verb.js";
import { verbs } from "./verbs.js";

export async function run(
  args: readonly string[],
  streams: Streams = process,
): Promise<number> {
  const output = new Output(args.includes("--json"), streams);
  try {
    return await dispatch(args, output);
  } catch (error) {
    output.error(error);
    return exitCodeOf(error);
  }
}

async function dispatch(
  args: readonly string[],
  output: Output,
): Promise<number> {
  const [first = "--help", ...rest] = args;
  if (first === "--help" || first === "-h")
    return say(output, overview(output));
  if (first === "--version") return say(output, version());
  if (first === "help")
    return rest[0] === undefined
      ? say(output, overview(output))
      : say(output, page(await verbNamed(rest[0]), output));
  // Before the verb is loaded: a tracer that was made earlier would not find an SDK of the user's project.
  const telemetry = await startTelemetry(output);
  try {
    return await perform(await verbNamed(first), rest, output);
  } finally {
    await telemetry.stop();
  }
}

async function perform(
  verb: Verb,
  args: readonly string[],
  output: Output,
): Promise<number> {
  const { words, values } = parseWords(verb, args);
  if (values["help"] === true) return say(output, page(verb, output));
  try {
    return await verb.run(new Call(words, values, output, verb.options));
  } catch (error) {
    throw inOptions(error, verb.options);
  }
}

function verbNamed(name: string): Promise<Verb> {
  const listed = Object.hasOwn(verbs, name) ? verbs[name] : undefined;
  if (listed) return listed.load();
  const what = name.startsWith("-") ? "option" : "verb";
  throw wrongUsage(unknownWord(what, name, Object.keys(verbs)));
}

function say(output: Output, text: string): number {
  output.line(text);
  return exitCodes.done;
}

function version(): string {
  const file = new URL("../../package.json", import.meta.url);
  const { version } = JSON.parse(readFileSync(file, "utf8")) as {
    version: string;
  };
  return version;
}

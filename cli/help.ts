// The pages that --help prints.
import type { Output } from "./output.js";
import { alignColumns } from "./table.js";
import { commonOptions, type Option, type Options, type Verb } from "./verb.js";
import { verbs } from "./verbs.js";

export function overview(output: Output): string {
  const rows = Object.entries(verbs).map(([name, { summary }]) => [
    `  ${output.paint("cyan", name)}`,
    summary,
  ]);
  return [
    `${output.paint("bold", "troupe")} VERB [options]`,
    "",
    ...alignColumns(rows, 3),
    "",
    "troupe VERB --help tells more. Every verb takes --url, --namespace and --json.",
    "Exit codes: 0 done, 1 the task failed, 2 wrong usage, 3 no bus.",
  ].join("\n");
}

export function page(verb: Verb, output: Output): string {
  return [
    verb.summary,
    "",
    ...verb.usage.map(
      (form, at) => `${at === 0 ? "usage: " : "       "}${form}`,
    ),
    "",
    ...alignColumns(optionRows(verb.options), 3),
    ...alignColumns(optionRows(commonOptions), 3),
    "",
    `${output.paint("dim", "example:")} ${verb.example}`,
  ].join("\n");
}

const optionRows = (options: Options): string[][] =>
  Object.entries(options).map(([name, option]) => [
    `  ${spelled(name, option)}`.padEnd(24),
    option.help,
  ]);

function spelled(name: string, option: Option): string {
  const short = option.short === undefined ? "" : `-${option.short}, `;
  const value = option.value === undefined ? "" : ` ${option.value}`;
  return `${short}--${name}${value}`;
}

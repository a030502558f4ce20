// What Troupe logs, for who sits at a terminal: one line amid what the command says, in place of JSON. Whoever collects
// logs, asks for more of them by $TROUPE_LOG, or reads --json, gets them as they are.
import { sendLogTo } from "../bus/connection/log.js";
import { shorten } from "./table.js";
import type { Output } from "./output.js";

export function tellLog(output: Output): void {
  const isAsked = process.env["TROUPE_LOG"] !== undefined;
  if (output.json || isAsked || process.stderr.isTTY !== true) return;
  sendLogTo((line) => output.note(logLine(line) ?? line.trimEnd()));
}

/** `warning: consumer cannot be restored yet (consumer main=low)`; undefined for what is no line of the log. */
export function logLine(line: string): string | undefined {
  const said = objectOf(line);
  if (typeof said?.["level"] !== "number") return undefined;
  const {
    level,
    msg = "",
    time: _time,
    pid: _pid,
    name: _name,
    ...more
  } = said;
  const facts = Object.entries(more).map(
    ([key, value]) => `${key} ${text(value)}`,
  );
  const beside = facts.length === 0 ? "" : ` (${facts.join(", ")})`;
  return shorten(`${wordFor(level)}: ${text(msg)}${beside}`, 1_000);
}

function wordFor(level: number): string {
  if (level >= 50) return "error";
  return level >= 40 ? "warning" : "note";
}

/** Of an error its message. */
function text(value: unknown): string {
  if (typeof value === "string") return value;
  const { message } = Object(value) as { message?: unknown };
  return typeof message === "string" ? message : (JSON.stringify(value) ?? "");
}

function objectOf(line: string): Record<string, unknown> | undefined {
  try {
    return Object(JSON.parse(line)) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

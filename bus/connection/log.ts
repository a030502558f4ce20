// The one pino logger. At the default level nothing is logged for each task.
import { pino, type Logger } from "pino";

export type { Logger };

const standardError = pino.destination({ dest: 2, sync: true });
let write = (line: string): unknown => standardError.write(line);

/** In place of standard error: each line is a JSON object. */
export function sendLogTo(writer: (line: string) => void): void {
  write = writer;
}

export const logger: Logger = pino(
  {
    name: "troupe",
    level: process.env["TROUPE_LOG"] ?? "warn",
    base: { pid: process.pid },
  },
  { write: (line: string) => void write(line) },
);

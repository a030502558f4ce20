// The one pino logger. At the default level nothing is logged for each task.
import { pino, type Logger } from "pino";

export type { Logger };

export const logger: Logger = pino(
  {
    name: "troupe",
    level: process.env["TROUPE_LOG"] ?? "warn",
    base: { pid: process.pid },
  },
  pino.destination({ dest: 2, sync: true }),
);

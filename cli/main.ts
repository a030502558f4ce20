#!/usr/bin/env node
// The `troupe` command.
import { run } from "./run.js";

// Whoever reads has had enough (`| head`): no more is said, and nothing is wrong.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});
process.stderr.on("error", () => undefined);

process.exit(await run(process.argv.slice(2)));

#!/usr/bin/env node
// The `troupe` command.
import { exitCodes } from "./exit.js";
import { Output } from "./output.js";
import { run } from "./run.js";

// Whoever reads has had enough (`| head`): no more is said, and nothing is wrong.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  new Output(process.argv.includes("--json")).error(
    new Error(`what is to be said cannot be written: ${error.message}`),
  );
  process.exit(exitCodes.taskFailed);
});
process.stderr.on("error", () => undefined);

const code = await run(process.argv.slice(2));
// Only then it is known whether all could be written.
await new Promise((resolve) => process.stdout.write("", resolve));
process.exit(code);

// What `troupe tasks ls` shows with an orchestrator, by its options.
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { test } from "node:test";
import { doer, quiet } from "../support/doer.js";
import { sharedServer } from "../support/shared-server.js";
import { troupe } from "./command.js";

const shared = sharedServer();

test("--order slowest shows those that ended, and how long they took", async (t) => {
  const bus = await shared.connect(t);
  await bus.orchestrate(quiet);
  await bus.serve(
    doer((ms) => pause(Number(ms))),
    quiet,
  );
  await bus.call("doer.do", 60, { id: "slower" });
  await bus.call("doer.do", 5, { id: "quicker" });
  await bus.submit("doer.do", 0, { id: "waits", delay: "1h" });
  const words = ["tasks", "ls", "--order", "slowest"];
  const { stdout } = await troupe([...words, "--namespace", bus.namespace], {
    url: bus.url,
  });
  const [head = "", ...rows] = stdout.trimEnd().split("\n");
  assert.match(head, /^TASK +STATE +SKILL +LEVEL +ATTEMPTS +AT +TOOK$/);
  assert.deepEqual(
    rows.map((row) => row.split(/ +/)[0]),
    ["slower", "quicker"],
  );
  for (const row of rows) assert.match(row, / [\d.<]+m?s$/);
});

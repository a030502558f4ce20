// Every example runs as it stands and ends by itself.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { testServer } from "./support/server.js";

const folder = fileURLToPath(new URL("../examples/", import.meta.url));
const examples = readdirSync(folder).filter((name) => name.endsWith(".js"));

/** What each must have printed, so that one that does nothing is noticed. */
const printed: Readonly<Record<string, RegExp>> = {
  "writer.js": /^$/,
  "first-task.js": /called: IT RAINED.*asked: +IT RAINED.*refused: .*text/s,
  "orders.js":
    /one task: true.*medicine.*box.*paper.*ribbon.*too late: DEADLINE_PASSED/s,
  "watching.js":
    /completed { metres: 4 }.*canceled struck rock.*it is canceled/s,
  "dead-letters.js": /redriven: { sold: 1 }.*redriven: { sold: 9 }/s,
  "stateful-order.js":
    /first event: shopping.*reminded of 35.*paid 35 from 4711 for the order.*shipped hat and scarf.*the end: done 35/s,
  "limits.js":
    /tea: 9 .*bread: 9 .*salt: 10.*100 ms: true.*breaker-opened, breaker-half-opened/s,
  "planning.js":
    /flowchart TD.*steps\[0\]\.call.*did you mean "outline".*approved: { published: 'All about tea' }.*denied: step "consent" failed: somebody said no: not now.*on the shelf: 0/s,
  "booking.js": /^$/,
  "booking.test.js": /pass 2/,
  "forking.js":
    /failed: no hotel answers.*forked: .*from 1 May.*later: .*from 9 May.*a file of troupeJournal/s,
  "replaying.js": /4 headlines/,
  "schedules.js":
    /nightly comes next on 2\d{3}-.*again: none.*built small by often.*often is paused.*built daily by nightly.*fired: { kind: 'daily' }.*refused: .*never fires/s,
  "routing.js":
    /eu: It rained.*us: It.*us: It.*<It rained.*\.summarize, .*round-robin.*NO_CANDIDATE nobody does/s,
};

describe("examples", { concurrency: 2 }, () => {
  for (const name of examples)
    test(`${name} runs and ends by itself`, async (t) => {
      // One of its own: two examples may each have a writer.
      const server = await testServer();
      t.after(() => server.stop());
      const { code, stdout, stderr } = await run(name, server.url);
      assert.equal(stderr, "");
      assert.equal(code, 0);
      assert.match(stdout, printed[name] ?? /./);
    });
});

test("every example says what it is expected to print", () => {
  assert.deepEqual(Object.keys(printed).sort(), [...examples].sort());
});

async function run(name: string, url: string) {
  const child = spawn(process.execPath, [folder + name], {
    env: { ...process.env, NATS_URL: url },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: 30_000,
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk) => (stdout += chunk));
  child.stderr.on("data", (chunk) => (stderr += chunk));
  const [code] = (await once(child, "close")) as [number | null];
  return { code, stdout, stderr };
}

// What the command line says of an agent that is paused, also when it is not there.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import type { Bus } from "../../index.js";
import { doer, quiet } from "../support/doer.js";
import { eventually } from "../support/eventually.js";
import { sharedServer } from "../support/shared-server.js";
import { demoFolder, start, troupe } from "./command.js";

const shared = sharedServer();
const reason = "the database moves";

const runIn =
  ({ url, namespace }: Bus) =>
  (...args: string[]) =>
    troupe([...args, "--url", url, "--namespace", namespace]);

test("an agent that was forgotten while it was paused is said to stay so, and can be resumed", async (t) => {
  const bus = await shared.connect(t);
  const run = runIn(bus);
  await (
    await bus.serve(
      doer((input) => input),
      quiet,
    )
  ).drain();
  await run("agents", "pause", "doer", "--reason", reason);
  const forgotten = await run("agents", "forget", "doer");
  assert.match(
    forgotten.stderr,
    /doer stays paused since .*: the database moves\. .*until node \S+main\.js agents resume doer/,
  );
  const resumed = await run("agents", "resume", "doer");
  assert.equal(resumed.stdout, "resumed doer: 0 instances\n");
  assert.equal((await bus.agentOrders()).get("doer")?.paused, false);
  const again = await run("agents", "resume", "doer");
  assert.equal(again.code, 2);
  assert.match(again.stderr, /AGENT_UNKNOWN/);
});

test("work says that its agent is paused, since when, why, and how to end it", async (t) => {
  const bus = await shared.connect(t);
  const { url, namespace } = bus;
  await bus.pauseAgent("writer", { reason, lane: "blue" });
  const args = ["work", join(demoFolder, "writer.js"), "--lane", "blue"];
  const here = ["--url", url, "--namespace", namespace];
  const worker = start([...args, ...here]);
  assert.match((await worker.line()) ?? "", /^serving writer/);
  await eventually(async () => (await bus.instances("writer")).length === 1);
  worker.child.kill("SIGTERM");
  const { stderr } = await worker.ended;
  assert.match(
    stderr,
    /writer is paused since \d+-.*: the database moves\. It takes no tasks until node \S+main\.js agents resume writer --lane blue/,
  );
});

test("route says who is paused and why, whether an agent was named or not", async (t) => {
  const bus = await shared.connect(t);
  const run = runIn(bus);
  await bus.serve(
    doer((input) => input),
    quiet,
  );
  await bus.pauseAgent("doer", { reason });
  for (const need of ["doer.do", "do"]) {
    const { code, stderr } = await run("route", need);
    assert.equal(code, 1, stderr);
    assert.match(
      stderr,
      /^error AGENT_PAUSED: agent "doer" is paused since .*: the database moves\. .*: node \S+main\.js agents resume doer\n$/,
    );
  }
  const other = await run("route", "doer.fly");
  assert.equal(other.code, 2);
  assert.match(other.stderr, /NO_CANDIDATE/);
});

test("replay takes the kinds of agents' events", async (t) => {
  const bus = await shared.connect(t);
  const run = runIn(bus);
  await bus.serve(
    doer((input) => input),
    quiet,
  );
  await bus.call("doer.do", 1);
  await bus.pauseAgent("doer");
  await eventually(async () => {
    const kinds = ["--kind", "paused,completed", "--kind=breaker-opened"];
    const { objects } = await run("replay", ...kinds, "--json");
    return objects.map(({ kind }) => kind).join() === "completed,paused,paused";
  });
  const wrong = await run("replay", "--kind", "breaker-open");
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /did you mean "breaker-opened"\?/);
});

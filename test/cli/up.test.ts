import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../support/eventually.js";
import { doer, quiet } from "../support/doer.js";
import { sharedServer } from "../support/shared-server.js";
import { start, troupe, type Running } from "./command.js";

const shared = sharedServer();

interface Said {
  state: string;
  term?: number;
}

/** Reads what it says until it has reached the state. */
async function until(up: Running, state: string): Promise<Said> {
  for (;;) {
    const line = await up.line();
    assert.ok(line !== undefined, `it ended before it was ${state}`);
    const said = JSON.parse(line) as Said;
    if (said.state === state) return said;
  }
}

test("of two one leads, and when it is stopped the other does at once", async () => {
  const { url } = shared.server;
  const first = start(["up", "--json"], { url });
  const { term } = await until(first, "leading");
  const second = start(["up", "--json"], { url });
  await until(second, "standby");
  first.child.kill("SIGTERM");
  const next = await until(second, "leading");
  assert.ok(next.term! > term!);
  const { code } = await first.ended;
  assert.equal(code, 0);
  second.child.kill("SIGINT");
  assert.equal((await second.ended).code, 0);
});

test("tasks ls asks the orchestrator for what only it can find, a page at a time", async (t) => {
  const bus = await shared.connect(t);
  const { url, namespace } = bus;
  const here = ["--url", url, "--namespace", namespace];
  await bus.serve(
    doer(
      (input) => {
        if (input === "bad") throw new Error("It broke");
        return input;
      },
      { retry: { attempts: 1 } },
    ),
    quiet,
  );
  for (const input of ["bad", 1, "bad", 2])
    await bus.call("doer.do", input).catch(() => undefined);
  const failed = ["tasks", "ls", ...here, "--error", "broke", "--limit", "1"];
  const without = await troupe(failed);
  assert.match(without.stderr, /none is running: start one with troupe up/);
  assert.equal(without.code, 1);

  await bus.orchestrate(quiet);
  const page = await troupe(failed);
  assert.match(page.stdout, /failed .*HANDLER_FAILED: It broke/);
  const cursor = /--cursor (\S+)/.exec(page.stderr)?.[1];
  const next = await troupe([...failed, "--cursor", cursor!]);
  assert.doesNotMatch(next.stderr, /--cursor/);
  assert.notEqual(next.stdout, page.stdout);

  await eventually(async () => {
    const { objects } = await troupe(["tasks", "ls", ...here, "--json"]);
    return objects.length === 4;
  });
  const { objects } = await troupe(["tasks", "ls", ...here, "--json"]);
  const states = objects.map(({ state }) => state);
  assert.deepEqual(states, ["completed", "failed", "completed", "failed"]);
  assert.deepEqual(objects[0]?.["output"], 2);
});

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
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

test("a signal ends what still waits for its server, and nothing is waited for", async (t) => {
  const silent = createServer((socket) => void sockets.push(socket));
  const sockets: Socket[] = [];
  silent.listen(0, "127.0.0.1");
  await once(silent, "listening");
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    silent.close();
  });
  const { port } = silent.address() as AddressInfo;
  for (const verb of ["up", "dev"]) {
    const command = start([verb], { url: `nats://127.0.0.1:${port}` });
    await once(silent, "connection");
    command.child.kill("SIGTERM");
    const { code, signal } = await command.ended;
    assert.deepEqual(
      { verb, code, signal },
      { verb, code: null, signal: "SIGTERM" },
    );
  }
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
  assert.match(
    without.stderr,
    /none is running: start one with node \S+main\.js up/,
  );
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

test("tasks ls --json names the next page in its last line, of those that wait and those that ended", async (t) => {
  const bus = await shared.connect(t);
  const { url, namespace } = bus;
  const worker = await bus.serve(
    doer((input) => input),
    quiet,
  );
  await bus.orchestrate(quiet);
  const ended = [];
  for (let input = 0; input < 3; input++) {
    const task = await bus.submit("doer.do", input);
    await task.result();
    ended.push(task.id);
  }
  await worker.drain();
  const waiting = await Promise.all(
    [1, 2, 3, 4, 5].map(async () => (await bus.submit("doer.do", 1)).id),
  );
  const page = async (...more: string[]) => {
    const here = ["--url", url, "--namespace", namespace, "--json"];
    const { objects, code } = await troupe(["tasks", "ls", ...here, ...more]);
    assert.equal(code, 0);
    return objects;
  };
  const found: string[] = [];
  let after: string[] = [];
  for (let pages = 0; pages < 3; pages++) {
    const objects = await page("--limit", "2", ...after);
    const { cursor } = objects.at(-1)!;
    assert.equal(typeof cursor === "string", pages < 2, "the last has none");
    found.push(
      ...objects.flatMap(({ taskId }) => (taskId as string | undefined) ?? []),
    );
    after = ["--cursor", cursor as string];
  }
  assert.deepEqual(found.toSorted(), [...waiting, ...ended].toSorted());
  const [, second] = await page("--state", "completed", "--limit", "1");
  assert.equal(typeof second?.["cursor"], "string");
});

test("a filter that no task fits is told from a namespace without tasks", async (t) => {
  const bus = await shared.connect(t);
  const { url, namespace } = bus;
  await bus.serve(
    doer((input) => input),
    quiet,
  );
  await bus.orchestrate(quiet);
  await bus.call("doer.do", 1);
  const said = async (...args: string[]) =>
    (await troupe(["tasks", "ls", "--url", url, ...args])).stderr;
  const here = ["--namespace", namespace];
  assert.match(
    await said(...here, "--state", "failed"),
    /^None of the tasks in namespace ".*" at \S+ fits\.\n$/,
  );
  assert.match(
    await said("--namespace", "empty"),
    /^No tasks in namespace "empty"/,
  );
});

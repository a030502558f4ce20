import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { audit } from "../support/audit.js";
import { eventually } from "../support/eventually.js";
import { sharedServer } from "../support/shared-server.js";
import { hiredModule, isAlive, supervisor } from "../support/supervisor.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { start, troupe } from "../cli/command.js";
import type { Bus, TaskHandle } from "../../index.js";

const shared = sharedServer();
const kills = Number(process.env["TROUPE_REPLICA_KILLS"] ?? 3);

const submitMany = (bus: Bus, count: number, ms: number) =>
  Promise.all(
    Array.from({ length: count }, () => bus.submit("hired.wait", ms)),
  );

const ended = (tasks: readonly TaskHandle[]) =>
  Promise.all(tasks.map((task) => task.result({ timeout: "60s" })));

const isGone = (pids: readonly number[]) =>
  eventually(() => pids.every((pid) => !isAlive(pid)), {
    what: "the end of all replicas",
    timeoutMs: 20_000,
  });

// They mostly wait, so they wait together.
describe("work --replicas", { concurrency: 4 }, () => {
  test("kill -9 of replicas under load loses nothing, doubles nothing, and their number comes back", async (t) => {
    const bus = await shared.connect(t);
    const place = { url: bus.url, namespace: bus.namespace };
    const crew = supervisor(t, {
      ...place,
      replicas: "3",
      more: ["--concurrency", "4", "--ack-wait", "1s"],
    });
    const pids = new Set(await crew.serves(3));
    const tasks = await submitMany(bus, kills * 40, 60);
    for (let kill = 0; kill < kills; kill++) {
      await eventually(() => crew.serving().length >= 2, {
        timeoutMs: 30_000,
      });
      const victim = crew.serving()[kill % 2]!;
      process.kill(victim, "SIGKILL");
      await eventually(() => !crew.serving().includes(victim));
      pids.add(victim);
    }
    await ended(tasks);
    for (const pid of await crew.serves(3)) pids.add(pid);
    await audit({ ...place, accepted: tasks.map(({ id }) => id) });
    const died = crew.said.filter(({ supervisor: what }) => what === "died");
    assert.equal(died.length, kills);
    assert.deepEqual(new Set(died.map(({ end }) => end)), new Set(["SIGKILL"]));
    crew.signal("SIGTERM");
    assert.equal((await crew.ended).code, 0);
    await isGone([...pids]);
  });

  test("SIGTERM: all finish what they have in hand, nobody takes anything new, and it exits 0", async (t) => {
    const bus = await shared.connect(t);
    const place = { url: bus.url, namespace: bus.namespace };
    const crew = supervisor(t, {
      ...place,
      replicas: "2",
      more: ["--concurrency", "2"],
    });
    const pids = await crew.serves(2);
    const tasks = await submitMany(bus, 8, 1_500);
    await eventually(async () => (await bus.backlog("hired")).inHand === 4);
    crew.signal("SIGTERM");
    const { code, stderr } = await crew.ended;
    assert.equal(code, 0);
    assert.equal(stderr, "");
    assert.ok(pids.every((pid) => !isAlive(pid)));
    const left = crew.said.filter(({ supervisor: what }) => what === "left");
    assert.deepEqual(new Set(left.map(({ pid }) => pid)), new Set(pids));
    const found = await Promise.all(tasks.map(({ id }) => bus.find(id)));
    const inState = (wanted: string) =>
      found.filter((task) => task?.state === wanted).length;
    assert.equal(inState("completed"), 4);
    assert.equal(inState("submitted"), 4);
    assert.equal((await bus.backlog("hired")).inHand, 0);
    const next = supervisor(t, { ...place, replicas: "1" });
    const results = (await ended(tasks)) as { attempt: number }[];
    assert.ok(results.every(({ attempt }) => attempt === 1));
    await audit({ ...place, accepted: tasks.map(({ id }) => id) });
    next.signal("SIGTERM");
    assert.equal((await next.ended).code, 0);
  });

  test("kill -9 of the supervisor: its replicas finish what they have in hand and leave", async (t) => {
    const bus = await shared.connect(t);
    const place = { url: bus.url, namespace: bus.namespace };
    const crew = supervisor(t, { ...place, replicas: "2" });
    const pids = await crew.serves(2);
    const tasks = await submitMany(bus, 6, 1_500);
    await eventually(async () => (await bus.backlog("hired")).inHand === 6);
    process.kill(crew.pid, "SIGKILL");
    await isGone(pids);
    const results = (await ended(tasks)) as { attempt: number }[];
    assert.ok(results.every(({ attempt }) => attempt === 1));
    assert.deepEqual(await bus.instances("hired"), []);
  });

  test("a second signal ends all at once, and what they had in hand goes to others", async (t) => {
    const bus = await shared.connect(t);
    const place = { url: bus.url, namespace: bus.namespace };
    const more = ["--ack-wait", "1s"];
    const crew = supervisor(t, { ...place, replicas: "2", more });
    const pids = await crew.serves(2);
    const task = await bus.submit("hired.wait", 20_000);
    await eventually(async () => (await bus.backlog("hired")).inHand === 1);
    crew.signal("SIGINT");
    await eventually(() => crew.said.some(({ stopped }) => stopped));
    crew.signal("SIGINT");
    assert.equal((await crew.ended).code, 130);
    await isGone(pids);
    assert.equal(await task.state(), "working");
    await task.cancel();
  });

  test("a replica that does not finish in time is killed, and that is no success", async (t) => {
    const bus = await shared.connect(t);
    const place = { url: bus.url, namespace: bus.namespace };
    const more = ["--drain", "200ms", "--ack-wait", "1s"];
    const crew = supervisor(t, { ...place, replicas: "1", more });
    const pids = await crew.serves(1);
    // It is not stored: one listens before there is any.
    const progress = bus.progress({ agent: "hired" });
    const blocks = progress.next();
    const task = await bus.submit("hired.block", 60_000);
    await blocks;
    crew.signal("SIGTERM");
    const { code } = await crew.ended;
    assert.equal(code, 1);
    assert.equal(crew.said.at(-1)?.supervisor, "killed");
    await isGone(pids);
    await task.cancel();
  });

  test("one that is told to leave by itself is replaced", async (t) => {
    const bus = await shared.connect(t);
    const place = { url: bus.url, namespace: bus.namespace };
    const crew = supervisor(t, { ...place, replicas: "1" });
    const [first] = await crew.serves(1);
    process.kill(first!, "SIGTERM");
    await eventually(() => crew.said.some(({ end }) => end === 0));
    const [second] = await crew.serves(1);
    assert.notEqual(first, second);
  });

  test("more come under a backlog and go when they are idle, each time with the reason", async (t) => {
    const bus = await shared.connect(t);
    const place = { url: bus.url, namespace: bus.namespace };
    const crew = supervisor(t, {
      ...place,
      replicas: "1..3",
      more: ["--concurrency", "2", "--latency", "200ms", "--idle", "1s"],
    });
    await crew.serves(1);
    const tasks = await submitMany(bus, 40, 250);
    await eventually(() => crew.serving().length > 1, {
      what: "more replicas",
      timeoutMs: 30_000,
    });
    await ended(tasks);
    await crew.serves(1);
    const scales = crew.said.filter(
      ({ supervisor: what }) => what === "scales",
    );
    assert.match(scales[0]?.reason ?? "", /tasks of "hired" wait, .* slots/);
    assert.match(scales.at(-1)?.reason ?? "", /enough for the last 1s/);
    assert.ok(scales.every(({ to }) => to! >= 1 && to! <= 3));
    const left = crew.said.filter(({ supervisor: what }) => what === "left");
    assert.ok(left.length >= 1, "they left by themselves");
    await audit({ ...place, accepted: tasks.map(({ id }) => id) });
    crew.signal("SIGTERM");
    const { code, stderr } = await crew.ended;
    assert.equal(stderr, "", "nothing that Node would warn of");
    assert.equal(code, 0);
  });
});

describe("replicas that cannot work", { concurrency: 3 }, () => {
  test("a module that throws ends all at once with its error", async (t) => {
    const broken = join(await temporaryDirectory(t), "broken.mjs");
    await writeFile(broken, `throw new Error("no key in the environment");`);
    const { code, stderr } = await troupe(["work", broken, "--replicas", "2"], {
      url: shared.server.url,
    });
    assert.equal(code, 2);
    assert.match(stderr, /\[\d\] error ARGUMENT_INVALID: .*no key in the env/);
    assert.match(
      stderr,
      /\nerror ARGUMENT_INVALID: replica \d ended with exit code 2 .*before it took a task; its last words: "error ARGUMENT_INVALID.*no key/,
    );
  });

  test("one that dies again and again before it takes a task is given up with its last words", async (t) => {
    const dying = join(await temporaryDirectory(t), "dying.mjs");
    await writeFile(dying, `console.error("out of luck"); process.exit(7);`);
    const { code, stderr, objects } = await troupe(
      ["work", dying, "--replicas", "1", "--json"],
      { url: shared.server.url },
    );
    assert.equal(code, 1);
    const last = stderr.trim().split("\n").at(-1)!;
    const { error } = JSON.parse(last) as {
      error: { code: string; message: string };
    };
    assert.equal(error.code, "RESTARTS_EXHAUSTED");
    assert.match(
      error.message,
      /ended 5 times in a row before any took a task/,
    );
    assert.match(error.message, /exit code 7 .*its last words: "out of luck"/);
    const died = objects.filter((said) => said["supervisor"] === "died");
    assert.equal(died.length, 4, "the fifth is not started again");
    assert.ok(died.every((said) => said["end"] === 7));
  });

  test("an option that has nothing to say is refused before anything starts", async () => {
    const wrong: [string[], RegExp][] = [
      [["--replicas", "none"], /write a number such as 4/],
      [["--replicas", "2", "--idle", "5s"], /give it bounds such as/],
      [["--replicas", "1..2", "--latency", "soon"], /no duration/],
    ];
    for (const [more, message] of wrong) {
      const { code, stderr } = await troupe(["work", hiredModule, ...more], {
        url: shared.server.url,
      });
      assert.equal(code, 2);
      assert.match(stderr, message);
    }
  });
});

test("for people, each line says whose it is", async () => {
  const crew = start(["work", hiredModule, "--replicas", "1"], {
    url: shared.server.url,
  });
  const lines: string[] = [];
  while (lines.length < 2) lines.push((await crew.line()) ?? "");
  crew.child.kill("SIGTERM");
  const { code, stdout, stderr } = await crew.ended;
  assert.equal(code, 0);
  assert.match(stdout, /^\[1\] serving hired {2}instance /m);
  assert.match(stdout, /^replica 1 \(pid \d+\) serves$/m);
  assert.match(stdout, /^replica 1 \(pid \d+\) has finished and left$/m);
  assert.match(stderr, /^stopping: 1 replica finishes/m);
});

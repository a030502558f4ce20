// Each verb from end to end: the command in a process of its own, over a real server, with the demo agents.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";
import { counter } from "../../cli/demo/counter.js";
import { weather } from "../../cli/demo/weather.js";
import { writer } from "../../cli/demo/writer.js";
import { connect } from "../../connect.js";
import type { Bus } from "../../troupe.js";
import { doer } from "../support/doer.js";
import { eventually } from "../support/eventually.js";
import { testServer, type TestServer } from "../support/server.js";
import { start, troupe } from "./command.js";

let server: TestServer;
let bus: Bus;

before(async () => {
  server = await testServer();
  bus = await connect({ url: server.url });
  const serving = { signals: false, drain: "100ms" } as const;
  await bus.serve(writer, serving);
  await bus.serve(weather, serving);
  await bus.serve(counter, serving);
});
after(async () => {
  await bus.close();
  await server.stop();
});

const run = (...args: string[]) => troupe(args, { url: server.url });
const text = `{"text":"one two three"}`;
const failing = `{"city":"Atlantis","failures":0}`;

describe("submit", () => {
  test("prints the id of the task that it stored", async () => {
    const { code, stdout, stderr } = await run(
      "submit",
      "writer.headline",
      text,
    );
    assert.equal(code, 0);
    assert.equal(stderr, "");
    const output = await bus.task(stdout.trim()).result();
    assert.deepEqual(output, { headline: "One Two Three" });
  });

  test("--wait prints the result", async () => {
    const people = await run("submit", "writer.headline", text, "--wait");
    assert.deepEqual(JSON.parse(people.stdout), { headline: "One Two Three" });
    const { code, objects } = await run(
      "submit",
      "writer.headline",
      text,
      "--wait",
      "--json",
    );
    assert.equal(code, 0);
    assert.equal(objects.length, 1);
    assert.equal(objects[0]?.["state"], "completed");
    assert.deepEqual(objects[0]?.["output"], { headline: "One Two Three" });
  });

  test("--wait exits 1 when the task failed, and names it", async () => {
    const args = ["submit", "weather.forecast", failing, "--wait"];
    const people = await run(...args);
    assert.equal(people.code, 1);
    assert.match(
      people.stderr,
      /^error HANDLER_REFUSED: no city is called "Atlantis" \(task "\w+" is failed\)\n$/,
    );
    const { code, objects } = await run(...args, "--json");
    assert.equal(code, 1);
    assert.equal(objects[0]?.["state"], "failed");
    const error = objects[0]?.["error"] as { code: string };
    assert.equal(error.code, "HANDLER_REFUSED");
  });

  test("reads its input from standard input", async () => {
    const { stdout } = await troupe(
      ["submit", "writer.headline", "-", "--wait"],
      { url: server.url, input: text },
    );
    assert.deepEqual(JSON.parse(stdout), { headline: "One Two Three" });
  });

  test("the same id twice is one task", async () => {
    const args = ["submit", "writer.headline", text, "--id", "twice", "--json"];
    const first = await run(...args);
    const again = await run(...args);
    assert.equal(first.objects[0]?.["duplicate"], false);
    assert.equal(again.objects[0]?.["duplicate"], true);
    assert.equal(again.objects[0]?.["taskId"], "twice");
  });

  test("says what it is told about the task", async () => {
    // Its lane is known from then on.
    await (await bus.serve(writer, { signals: false, lane: "blue" })).drain();
    const { code } = await run(
      "submit",
      "writer.headline",
      text,
      "--id",
      "told",
      "--delay",
      "1h",
      "--priority",
      "high",
      "--context",
      "c-1",
      "--deadline",
      "2h",
      "--lane",
      "blue",
      "--format",
      "json",
    );
    assert.equal(code, 0);
    const task = await bus.find("told");
    assert.equal(task?.level, "high");
    assert.equal(task?.context, "c-1");
    assert.equal(task?.lane, "blue");
    assert.ok(task.dueAt!.getTime() > Date.now() + 3_000_000);
    assert.ok(task.deadline!.getTime() > Date.now() + 7_000_000);
    await bus.task("told").cancel();
  });

  test("input that does not fit is refused with its field, exit 2", async () => {
    const { code, stderr } = await run(
      "submit",
      "writer.headline",
      `{"text":1}`,
    );
    assert.equal(code, 2);
    assert.match(stderr, /^error INPUT_INVALID: .*text: /);
  });

  test("an agent that nobody knows is refused, exit 2", async () => {
    const { code, stderr } = await run("submit", "wirter.headline", text);
    assert.equal(code, 2);
    assert.match(stderr, /^error AGENT_UNKNOWN: .*"writer"/);
  });

  test("says that no worker is there to take it", async () => {
    const namespace = "deserted";
    const other = await connect({ url: server.url, namespace });
    await (await other.serve(writer, { signals: false })).drain();
    const args = ["submit", "writer.headline", text, "--namespace", namespace];
    const { code, stderr } = await run(...args);
    assert.equal(code, 0);
    assert.match(stderr, /note: no instance of "writer" is running/);
    const waiting = await run(...args, "--wait", "--timeout", "100ms");
    assert.equal(waiting.code, 1);
    assert.match(waiting.stderr, /error WAIT_TIMED_OUT: /);
    await other.close();
  });
});

describe("ask", () => {
  test("prints the answer", async () => {
    const { code, objects } = await run(
      "ask",
      "writer.headline",
      text,
      "--json",
    );
    assert.equal(code, 0);
    assert.deepEqual(objects, [{ output: { headline: "One Two Three" } }]);
  });

  test("exits 1 when nobody answers", async () => {
    const { code, stderr } = await run("ask", "nobody.there", "{}");
    assert.equal(code, 1);
    assert.match(stderr, /^error NO_RESPONDERS: /);
  });
});

describe("tasks", () => {
  test("ls shows what is in hand, what waits and what has ended", async () => {
    const slow = await bus.submit("counter.count", { to: 600 });
    const later = await bus.submit("counter.count", { to: 1 }, { delay: "1h" });
    await bus.call("writer.headline", { text: "done" });
    const state = (id: string, objects: Record<string, unknown>[]) =>
      objects.find(({ taskId }) => taskId === id)?.["state"];
    await eventually(async () => {
      const { objects } = await run("tasks", "ls", "--json");
      assert.equal(state(slow.id, objects), "working");
      assert.equal(state(later.id, objects), "submitted");
      return true;
    });
    const { code, stdout } = await run("tasks", "ls", "--agent", "counter");
    assert.equal(code, 0);
    assert.match(stdout, /^TASK +STATE +SKILL +LEVEL +ATTEMPTS +AT/);
    assert.match(stdout, new RegExp(`^${later.id} .* due `, "m"));
    assert.doesNotMatch(stdout, /writer/);
    for (const task of [slow, later])
      await run("tasks", "cancel", task.id, "--reason", "enough");
    assert.equal(await slow.state(), "canceled");
    assert.equal(await later.state(), "canceled");
  });

  test("ls is bounded", async () => {
    for (let count = 0; count < 4; count++)
      await bus.call("writer.headline", { text: "again" });
    const { objects } = await run("tasks", "ls", "--limit", "3", "--json");
    const ended = objects.filter(({ state }) => state === "completed");
    assert.ok(ended.length <= 3);
  });

  test("show tells the state and all events", async () => {
    const task = await bus.submit("weather.forecast", {
      city: "Lima",
      failures: 1,
    });
    await task.result();
    const { code, stdout } = await run("tasks", "show", task.id);
    assert.equal(code, 0);
    assert.match(stdout, /^state +completed$/m);
    assert.match(stdout, /^output +{"city":"Lima","celsius":19}$/m);
    assert.match(stdout, /attempt +weather\.forecast .*HANDLER_FAILED/);
    const { objects } = await run("tasks", "show", task.id, "--json");
    const events = objects[0]?.["events"] as { kind: string }[];
    assert.deepEqual(
      events.map(({ kind }) => kind).filter((kind) => kind !== "started"),
      ["attempt", "completed"],
    );
  });

  test("a task that never was exits 2", async () => {
    for (const form of ["show", "cancel"]) {
      const { code, stderr } = await run("tasks", form, "never");
      assert.equal(code, 2);
      assert.match(stderr, /^error TASK_UNKNOWN: /);
    }
  });

  test("canceling what has ended is done, and says so", async () => {
    const task = await bus.submit("writer.headline", { text: "over" });
    await task.result();
    const { code, objects } = await run("tasks", "cancel", task.id, "--json");
    assert.equal(code, 0);
    assert.deepEqual(objects, [{ taskId: task.id, canceled: false }]);
  });
});

describe("tail", () => {
  test("shows events as they come, and ends well on Ctrl-C", async () => {
    const tail = start(["tail", "--agent", "counter", "--json"], {
      url: server.url,
    });
    // It is following once it shows something: progress of a task that goes on meanwhile.
    const task = await bus.submit("counter.count", { to: 600, everyMs: 50 });
    const kinds = [];
    for (;;) {
      const event = JSON.parse((await tail.line()) ?? "{}") as {
        kind?: string;
        taskId?: string;
      };
      kinds.push(event.kind);
      if (event.kind === "canceled" || event.kind === undefined) break;
      if (kinds.length === 2) await task.cancel("seen");
    }
    assert.equal(kinds[0], "progress");
    assert.equal(kinds.at(-1), "canceled");
    tail.child.kill("SIGINT");
    assert.equal((await tail.ended).code, 0);
  });
});

describe("replay", () => {
  test("tells what fits, oldest first", async () => {
    const task = await bus.submit("weather.forecast", {
      city: "Oslo",
      failures: 1,
    });
    await task.result();
    const of = ["replay", "--task", task.id, "--json"];
    const all = (await run(...of)).objects;
    assert.equal(all.at(-1)?.["kind"], "completed");
    assert.deepEqual(all.at(-1)?.["output"], { city: "Oslo", celsius: 6 });
    const failed = (await run(...of, "--kind", "attempt,failed")).objects;
    assert.equal(failed.length, 1);
    const first = String(all[0]?.["sequence"]);
    const part = (await run("replay", "--json", "--from", first, "--to", first))
      .objects;
    assert.deepEqual(
      part.map(({ sequence }) => sequence),
      [Number(first)],
    );
    const { code, stdout } = await run(
      "replay",
      "--since",
      "1h",
      "--speed",
      "1000",
    );
    assert.equal(code, 0);
    assert.match(stdout, /^\d\d:\d\d:\d\d\.\d{3}  /);
  });

  test("--follow goes on with what comes", async () => {
    const agent = ["--agent", "writer", "--follow", "--json"];
    const replay = start(["replay", ...agent], { url: server.url });
    const task = await bus.submit("writer.headline", { text: "follow me" });
    for (;;) {
      const line = await replay.line();
      assert.ok(line !== undefined);
      if (line.includes(task.id)) break;
    }
    replay.child.kill("SIGINT");
    assert.equal((await replay.ended).code, 0);
  });

  test("is silent when its reader has had enough", async () => {
    const command = `"${process.execPath}" dist/cli/main.js replay --follow --json | head -n 1`;
    const shell = spawn("bash", ["-o", "pipefail", "-c", command], {
      env: { ...process.env, NATS_URL: server.url },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: 30_000,
    });
    let stderr = "";
    shell.stderr.on("data", (chunk) => (stderr += chunk));
    shell.stdout.resume();
    const closed = once(shell, "close");
    // The reader is gone by now or soon: what follows is written into nothing.
    const writing = setInterval(() => {
      void bus.call("writer.headline", { text: "more" });
    }, 50);
    const [code] = (await closed) as [number];
    clearInterval(writing);
    assert.equal(code, 0);
    assert.equal(stderr, "");
  });
});

describe("dead", () => {
  const die = async (): Promise<string> => {
    const task = await bus.submit("weather.forecast", JSON.parse(failing));
    await assert.rejects(task.result());
    return task.id;
  };

  test("ls and show tell what died and why", async () => {
    const id = await die();
    const people = await run("dead", "ls", "--agent", "weather");
    assert.match(people.stdout, new RegExp(`^${id} .*HANDLER_REFUSED`, "m"));
    assert.equal((await run("dead", "ls", "--agent", "writer")).stdout, "");
    const { objects } = await run("dead", "ls", "--json");
    const letter = objects.find(({ taskId }) => taskId === id);
    assert.deepEqual(letter?.["input"], JSON.parse(failing));
    const shown = await run("dead", "show", id);
    assert.match(shown.stdout, /why +HANDLER_REFUSED: no city/);
    assert.equal((await run("dead", "show", "never")).code, 2);
  });

  test("redrive sends it off again, mended", async () => {
    const id = await die();
    const input = `{"city":"Lima","failures":0}`;
    const { code, objects } = await run(
      "dead",
      "redrive",
      id,
      "--input",
      input,
      "--json",
    );
    assert.equal(code, 0);
    const newId = String(objects[0]?.["newTaskId"]);
    assert.deepEqual(await bus.task(newId).result(), {
      city: "Lima",
      celsius: 19,
    });
    assert.equal((await run("dead", "show", id)).code, 2);
  });

  test("purge and redrive take one, an agent's, or all", async () => {
    const id = await die();
    await die();
    await die();
    assert.equal((await run("dead", "purge", id)).code, 0);
    const redriven = await run(
      "dead",
      "redrive",
      "--agent",
      "weather",
      "--json",
    );
    assert.ok(redriven.objects.length >= 2);
    // What is redriven as it was dies again.
    for (const { newTaskId } of redriven.objects)
      await assert.rejects(bus.task(String(newTaskId)).result());
    const purged = await run("dead", "purge", "--all", "--json");
    assert.equal(purged.objects.length, redriven.objects.length);
    const left = await run("dead", "ls");
    assert.equal(left.stdout, "");
    assert.match(
      left.stderr,
      /^No dead letters in namespace "troupe" at nats:/,
    );
  });
});

describe("agents", () => {
  test("ls and show tell skills, instances and load", async () => {
    const people = await run("agents", "ls");
    assert.match(
      people.stdout,
      /^writer +main +1\.0\.0 +ready +1 +0\/16 +\S+ +headline$/m,
    );
    const { objects } = await run("agents", "show", "weather", "--json");
    const instances = objects[0]?.["instances"] as { pid: number }[];
    assert.equal(instances[0]?.pid, process.pid);
    const shown = await run("agents", "show", "weather");
    assert.match(shown.stdout, /weather\.forecast .*{ city, failures\? }/);
  });

  test("pause, resume and drain reach every instance, and show, replay and ls tell of it", async () => {
    const worker = await bus.serve(
      doer((input) => input, {}, "sleeper"),
      {
        signals: false,
      },
    );
    const why = ["--reason", "repairs"];
    const paused = await run("agents", "pause", "sleeper", ...why);
    assert.equal(paused.stdout, "paused sleeper: 1 instance\n");
    assert.equal(worker.card().state, "paused");
    const shown = await run("agents", "show", "sleeper");
    assert.match(shown.stdout, /^paused since .*: repairs$/m);
    const listed = await run("agents", "ls");
    assert.match(listed.stdout, /^sleeper +main .* paused +1 +0\/16/m);
    const resumed = await run("agents", "resume", "sleeper", "--json");
    assert.deepEqual(resumed.objects, [
      { resumed: "sleeper", instances: [worker.instance] },
    ]);
    const drained = await run("agents", "drain", "sleeper");
    assert.equal(drained.stdout, "drained sleeper: 1 instance\n");
    await worker.stopped;
    const of = ["--agent", "sleeper", "--kind", "agent"];
    const { stdout } = await run("replay", ...of);
    const lines = stdout.trimEnd().split("\n");
    assert.equal(lines.length, 7);
    assert.match(stdout, /  paused +sleeper +agent +reason repairs$/m);
    const { objects } = await run("replay", ...of, "--json");
    const kinds = objects.map(({ kind }) => String(kind)).sort();
    assert.equal(
      kinds.join(" "),
      "draining paused paused resumed resumed started stopped",
    );
  });

  test("a worker process whose agents were drained ends well", async () => {
    const module = "dist/test/support/replica-agent.js";
    const work = start(["work", module, "--json"], { url: server.url });
    const { serving } = JSON.parse((await work.line()) ?? "{}") as {
      serving: string;
    };
    const { code } = await run("agents", "drain", serving);
    assert.equal(code, 0);
    assert.equal((await work.ended).code, 0);
  });

  test("one that is not there exits 2, with the nearest", async () => {
    const { code, stderr } = await run("agents", "show", "wirter");
    assert.equal(code, 2);
    assert.match(stderr, /^error AGENT_UNKNOWN: .*did you mean "writer"\?/);
  });
});

describe("doctor", () => {
  test("exits 0 and shows the streams where all is well", async () => {
    const { code, objects } = await run("doctor", "--json");
    assert.equal(code, 0);
    assert.ok(objects.every(({ state }) => state === "ok" || state === "warn"));
    const messages = objects.map(({ message }) => String(message)).join("\n");
    assert.match(messages, /troupe_QUEUE_writer: \d+ messages/);
  });

  test("makes no stream where none is yet", async () => {
    const args = ["doctor", "--namespace", "untouched"];
    assert.match(
      (await run(...args)).stdout,
      /not there yet: untouched_EVENTS/,
    );
    assert.match(
      (await run(...args)).stdout,
      /not there yet: untouched_EVENTS/,
    );
  });

  test("exits 3 and says what to do where no server is", async () => {
    const { code, stdout } = await troupe(["doctor"], {
      url: "nats://127.0.0.1:1",
    });
    assert.equal(code, 3);
    assert.match(stdout, /^fail  connection .*\n +→ /m);
  });
});

// The verbs of who operates: each from end to end, the command in a process of its own, with the demo agents.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, test } from "node:test";
import { doer } from "../support/doer.js";
import { start, troupe } from "./command.js";
import { demoBus } from "./demo-bus.js";

const demo = demoBus();
const { run } = demo;
const failing = `{"city":"Atlantis","failures":0}`;

describe("tail", () => {
  test("shows events as they come, and ends well on Ctrl-C", async () => {
    const tail = start(["tail", "--agent", "counter", "--json"], {
      url: demo.url,
    });
    // It is following once it shows something: progress of a task that goes on meanwhile.
    const task = await demo.bus.submit("counter.count", {
      to: 600,
      everyMs: 50,
    });
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
    const task = await demo.bus.submit("weather.forecast", {
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
    const replay = start(["replay", ...agent], { url: demo.url });
    const task = await demo.bus.submit("writer.headline", {
      text: "follow me",
    });
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
      env: { ...process.env, NATS_URL: demo.url },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: 30_000,
    });
    let stderr = "";
    shell.stderr.on("data", (chunk) => (stderr += chunk));
    shell.stdout.resume();
    const closed = once(shell, "close");
    // The reader is gone by now or soon: what follows is written into nothing.
    const writing = setInterval(() => {
      void demo.bus.call("writer.headline", { text: "more" });
    }, 50);
    const [code] = (await closed) as [number];
    clearInterval(writing);
    assert.equal(code, 0);
    assert.equal(stderr, "");
  });
});

describe("dead", () => {
  const die = async (): Promise<string> => {
    const task = await demo.bus.submit("weather.forecast", JSON.parse(failing));
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
    assert.deepEqual(await demo.bus.task(newId).result(), {
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
      await assert.rejects(demo.bus.task(String(newTaskId)).result());
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
      /^writer +main +1\.0\.0 +ready +1 +\d\/16 +\S+ +headline$/m,
    );
    const { objects } = await run("agents", "show", "weather", "--json");
    const instances = objects[0]?.["instances"] as { pid: number }[];
    assert.equal(instances[0]?.pid, process.pid);
    const shown = await run("agents", "show", "weather");
    assert.match(shown.stdout, /weather\.forecast .*{ city, failures\? }/);
  });

  test("pause, resume and drain reach every instance, and show, replay and ls tell of it", async () => {
    const worker = await demo.bus.serve(
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
    const work = start(["work", module, "--json"], { url: demo.url });
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

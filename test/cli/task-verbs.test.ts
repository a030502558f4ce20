// The verbs of who submits: each from end to end, the command in a process of its own, with the demo agents.
import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, test } from "node:test";
import { writer } from "../../cli/demo/writer.js";
import { connect } from "../../connect.js";
import { eventually } from "../support/eventually.js";
import { start, troupe } from "./command.js";
import { demoBus } from "./demo-bus.js";

const demo = demoBus();
const { run } = demo;
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
    const output = await demo.bus.task(stdout.trim()).result();
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
      /^task \w+\nerror HANDLER_REFUSED: no city is called "Atlantis" \(task "\w+" has failed\)\n$/,
    );
    const { code, objects } = await run(...args, "--json");
    assert.equal(code, 1);
    assert.equal(objects[0]?.["state"], "failed");
    const error = objects[0]?.["error"] as { code: string };
    assert.equal(error.code, "HANDLER_REFUSED");
  });

  test("--wait says which task it is, and at an interrupt that it goes on", async () => {
    const slow = ["submit", "counter.count", '{"to":100}', "--wait"];
    const running = start([...slow, "--id", "slow"], { url: demo.url });
    const [said] = (await once(running.child.stderr!, "data")) as [Buffer];
    assert.equal(String(said), "task slow\n");
    running.child.kill("SIGINT");
    const { code, stderr } = await running.ended;
    assert.equal(code, 130);
    assert.match(stderr, /\ntask slow goes on; .* tasks show slow\n$/);
    assert.ok(await demo.bus.task("slow").cancel());
  });

  test("--wait of an id that is known says so", async () => {
    const args = ["submit", "writer.headline", text, "--id", "known", "--wait"];
    assert.equal((await run(...args)).stderr, "task known\n");
    const again = await run(...args);
    assert.equal(again.stderr, "task known  (was submitted before)\n");
    assert.deepEqual(JSON.parse(again.stdout), { headline: "One Two Three" });
  });

  test("reads its input from standard input", async () => {
    const { stdout } = await troupe(
      ["submit", "writer.headline", "-", "--wait"],
      { url: demo.url, input: `\ufeff${text}` }, // as some editors write it
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
    await (
      await demo.bus.serve(writer, { signals: false, lane: "blue" })
    ).drain();
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
    const task = await demo.bus.find("told");
    assert.equal(task?.level, "high");
    assert.equal(task?.context, "c-1");
    assert.equal(task?.lane, "blue");
    assert.ok(task.dueAt!.getTime() > Date.now() + 3_000_000);
    assert.ok(task.deadline!.getTime() > Date.now() + 7_000_000);
    await demo.bus.task("told").cancel();
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
    assert.match(stderr, /^error AGENT_UNKNOWN: .*did you mean "writer"\?\n$/);
    const far = await run("submit", "nobody.headline", text);
    assert.match(far.stderr, /\. Start it once, or correct the name\n$/);
  });

  test("says that no worker is there to take it", async () => {
    const namespace = "deserted";
    const other = await connect({ url: demo.url, namespace });
    await (await other.serve(writer, { signals: false })).drain();
    const args = ["submit", "writer.headline", text, "--namespace", namespace];
    const { code, stdout, stderr } = await run(...args);
    assert.equal(code, 0);
    assert.match(stderr, /note: no instance of "writer" is running/);
    const waiting = await run(...args, "--wait", "--timeout", "100ms");
    assert.equal(waiting.code, 1);
    const advice =
      /Wait longer with --timeout, or see how it is: \S+ \S+ tasks show \w+/;
    assert.match(waiting.stderr, /error WAIT_TIMED_OUT: /);
    assert.match(waiting.stderr, advice);
    const inJson = await run(...args, "--wait", "--timeout", "1ms", "--json");
    const { message } = inJson.objects[0]!["error"] as { message: string };
    assert.match(message, advice);
    const id = stdout.trim();
    const place = ["--namespace", namespace];
    const shown = await run("tasks", "show", id, ...place);
    assert.match(
      shown.stdout,
      /^worker +none: no instance of "\w+" lives in lane "main"; the next that starts gets the task$/m,
    );
    assert.match(shown.stdout, /^No events yet: it waits\.$/m);
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
    const slow = await demo.bus.submit("counter.count", { to: 600 });
    const later = await demo.bus.submit(
      "counter.count",
      { to: 1 },
      { delay: "1h" },
    );
    await demo.bus.call("writer.headline", { text: "done" });
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
      await demo.bus.call("writer.headline", { text: "again" });
    const { objects } = await run("tasks", "ls", "--limit", "3", "--json");
    const ended = objects.filter(({ state }) => state === "completed");
    assert.ok(ended.length <= 3);
  });

  test("show tells the state and all events", async () => {
    const task = await demo.bus.submit("weather.forecast", {
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

  test("show cuts what is long, and --json does not", async () => {
    const text = "x".repeat(5_000);
    const task = await demo.bus.submit("writer.headline", { text });
    await task.result();
    const { stdout } = await run("tasks", "show", task.id);
    const cut =
      /^(in|out)put +\{.{999}… \(5,0\d\d characters; in full with --json\)$/;
    const isCut = (line: string) => cut.test(line);
    assert.equal(stdout.split("\n").filter(isCut).length, 2, stdout);
    const { objects } = await run("tasks", "show", task.id, "--json");
    assert.deepEqual(objects[0]?.["input"], { text });
  });

  test("a task that never was exits 2", async () => {
    for (const form of ["show", "cancel"]) {
      const { code, stderr } = await run("tasks", form, "never");
      assert.equal(code, 2);
      assert.match(stderr, /^error TASK_UNKNOWN: /);
    }
  });

  test("canceling what has ended is done, and says so", async () => {
    const task = await demo.bus.submit("writer.headline", { text: "over" });
    await task.result();
    const { code, objects } = await run("tasks", "cancel", task.id, "--json");
    assert.equal(code, 0);
    assert.deepEqual(objects, [
      { taskId: task.id, canceled: false, state: "completed" },
    ]);
  });
});

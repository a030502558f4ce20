// Plans as people run them, are asked by them, and answer. What is told before the command listens, it does not show;
// but each question.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { connect, type Bus } from "../../index.js";
import { Desk } from "../support/desk.js";
import { quiet } from "../support/doer.js";
import { eventually } from "../support/eventually.js";
import { testServer, type TestServer } from "../support/server.js";
import { start, troupe } from "./command.js";

describe("plans that are run", () => {
  let server: TestServer;
  let bus: Bus;
  before(async () => {
    server = await testServer();
    bus = await connect({ url: server.url });
    await bus.serve(new Desk().agent, quiet);
    await bus.orchestrate(quiet);
  });
  after(async () => {
    await bus.close();
    await server.stop();
  });

  const asking = JSON.stringify({
    params: { n: { default: 1 }, text: { default: "" } },
    steps: [
      {
        name: "said",
        call: "desk.say",
        input: { n: { param: "n" }, text: { param: "text" } },
      },
      { name: "ok", approve: "Good?", timeout: "1m" },
    ],
    output: [
      { ref: "steps.said" },
      { ref: "steps.ok" },
      { ref: "input.x", default: 0 },
    ],
  });

  test("run --wait shows how far it is, what is asked and how to answer, and the result", async () => {
    const words = ["run", "-", "--wait", "--input", '{"x":5}'];
    const params = ["--param", "n=2", "--param", "text=a,b=c"];
    const running = start(["plan", ...words, ...params, "--json"], {
      url: server.url,
      input: asking,
    });
    const told = async () =>
      JSON.parse((await running.line())!) as Record<string, string>;
    const { taskId = "" } = await told();
    assert.equal((await told())["asks"], "ok"); // at once, not at the end
    const said = await troupe(
      ["plan", "answer", taskId, "ok", "yes", "--by", "ann"],
      { url: server.url },
    );
    assert.equal(said.stdout, "ok: yes\n");
    const { code, objects } = await running.ended;
    assert.deepEqual(objects, [
      { taskId, duplicate: false },
      { taskId, asks: "ok", question: "Good?" },
      {
        taskId,
        state: "completed",
        output: [{ n: 2, text: "a,b=c" }, { approved: true, by: "ann" }, 5],
      },
    ]);
    assert.equal(code, 0);
  });

  test("tasks shows what a plan asks, and how to answer; so do the others", async () => {
    const question = "Publish\n\u201cA\u201d?";
    const ask = { name: "ok", approve: question, show: { n: 1 } };
    const steps = [{ name: "each", map: [1], do: [ask] }];
    const { id } = await bus.plans.run({
      name: "asking",
      steps,
      budget: { time: "1h" },
    });
    await eventually(async () => (await bus.plans.questions(id)).length > 0);
    const about = (...words: string[]) => troupe(words, { url: server.url });
    const shown = await about("tasks", "show", id);
    assert.match(
      shown.stdout,
      /^plan +asking: each \(in full with --json\)\ninput +\{\}\nasks /m,
    );
    assert.match(
      shown.stdout,
      /asks +ok\[0\]: Publish \u201cA\u201d\?\nshows +\{"n":1\}\nanswer by +npx troupe plan answer \S+ 'ok\[0\]' yes\|no\n/,
    );
    const [inJson] = (await about("tasks", "show", id, "--json")).objects;
    const [asked] = inJson!["questions"] as { step: string; until: string }[];
    assert.equal(asked?.step, "ok[0]");
    await eventually(
      async () => (await bus.find(id))?.state === "input-required",
    );
    const wait = /waits for an answer to "ok\[0\]": Publish \u201cA\u201d\?/;
    assert.match((await about("journal", "show", id)).stdout, wait);
    await eventually(async () =>
      wait.test((await about("tasks", "ls", "--agent", "orchestrator")).stdout),
    );
    await bus.plans.answer(id, "ok[0]", { approved: true });
    await bus.task(id).result();
    const { stdout } = await about("tasks", "show", id);
    assert.doesNotMatch(stdout, /^asks/m);
  });

  test("for people it is told line by line", async () => {
    const running = start(["plan", "run", "-", "--wait"], {
      url: server.url,
      input: asking,
    });
    let told = "";
    running.child.stderr?.on("data", (chunk) => (told += String(chunk)));
    const command = /main\.js plan answer (\S+) ok yes\|no/;
    await eventually(() => command.test(told));
    const [, taskId = ""] = command.exec(told)!;
    await bus.plans.answer(taskId, "ok", { approved: false, comment: "no" });
    const { code, stderr } = await running.ended;
    assert.match(
      stderr,
      /^task \S+\n(1\/2 {2}said\n)?(1\/2 {2}|asks )ok: Good\?\n.*\nerror APPROVAL_DENIED: step "ok" failed: somebody said no: no \(task "\S+" has failed\)\n$/,
    );
    assert.equal(code, 1);
  });

  test("what it had asked before anybody listened is told, too", async () => {
    await bus.plans.run(JSON.parse(asking), { id: "before" });
    const parked = async () =>
      (await bus.find("before"))?.waitsFor !== undefined;
    await eventually(parked);
    const words = ["plan", "run", "-", "--wait", "--id", "before"];
    const running = start(words, { url: server.url, input: asking });
    let told = "";
    running.child.stderr?.on("data", (chunk) => (told += String(chunk)));
    await eventually(() => told.includes("plan answer before ok yes|no"));
    await bus.plans.answer("before", "ok", { approved: true });
    const { stderr } = await running.ended;
    assert.match(
      stderr,
      /^task before {2}\(was submitted before\)\nasks ok: Good\?\n {6}answer by: .* plan answer before ok yes\|no\n(1\/2 {2}said\n)?2\/2 {2}ok\n$/,
    );
  });

  test("what is told again by whoever goes on with a plan is shown once", async () => {
    const running = start(["plan", "run", "-", "--wait", "--id", "again"], {
      url: server.url,
      input: asking,
    });
    const parked = async () =>
      (await bus.find("again"))?.waitsFor !== undefined;
    await eventually(parked);
    await bus.plans.answer("again", "ok", { approved: true });
    const { stderr } = await running.ended;
    assert.match(
      stderr,
      /^task again\n(1\/2 {2}said\n)?(1\/2 {2}|asks )ok: Good\?\n.*\n(1\/2 {2}said\n)?2\/2 {2}ok\n$/,
    );
    assert.ok(stderr.split("said").length <= 2, stderr);
  });

  test("questions tells what is open; an answer given twice, and one too late, says so", async () => {
    await bus.plans.run(JSON.parse(asking), { id: "asks" });
    const plan = (...words: string[]) =>
      troupe(["plan", ...words], { url: server.url });
    const open = async () => (await plan("questions", "asks")).stdout;
    await eventually(async () => (await open()) !== "");
    assert.match(
      await open(),
      /^asks +ok: Good\?\nanswer by +npx troupe plan answer asks ok yes\|no\n$/,
    );
    const [asked] = (await plan("questions", "asks", "--json")).objects;
    assert.equal(asked?.["step"], "ok");
    assert.equal((await plan("answer", "asks", "ok", "yes")).code, 0);
    const twice = await plan("answer", "asks", "ok", "no");
    assert.match(
      twice.stderr,
      /"ok" (of plan "asks" has|had) been answered: yes/,
    );
    const none = await plan("questions", "asks");
    assert.equal(none.stderr, "Plan asks waits for nobody's answer.\n");
    await bus.task("asks").result();
    const late = await plan("answer", "asks", "ok", "no");
    assert.match(
      late.stderr,
      /^error TASK_ENDED: plan "asks" has ended \(completed\), and asks nothing any more; "ok" had been answered: yes, by "[^"]+"\n$/,
    );
  });

  test("what was answered while no orchestrator runs is shown as answered", async (t) => {
    const namespace = "alone";
    const alone = await connect({ url: server.url, namespace });
    t.after(() => alone.close());
    await alone.orchestrate(quiet);
    const ask = { name: "ok", approve: "Good?" };
    await alone.plans.run({ steps: [ask] }, { id: "p2" });
    await eventually(
      async () => (await alone.find("p2"))?.state === "input-required",
    );
    await alone.close();
    const about = async (...words: string[]) =>
      (await troupe([...words, "--namespace", namespace], { url: server.url }))
        .stdout;
    await about("plan", "answer", "p2", "ok", "yes", "--by", "bob");
    const shown = await about("tasks", "show", "p2");
    assert.match(
      shown,
      /^answered +ok: yes, by bob; nobody has taken it up yet, for no instance of "orchestrator" is running \(npx troupe up\)$/m,
    );
    assert.doesNotMatch(
      shown,
      /^(asks|answer by|send by)|waits for an answer/m,
    );
    assert.match(
      await about("journal", "show", "p2"),
      /, "ok" was answered yes, by bob; nobody has taken it up yet, for no/,
    );
  });

  test("run alone says the id, which is then known", async () => {
    const plan = JSON.stringify({ steps: [{ name: "a", value: 1 }] });
    const run = () =>
      troupe(["plan", "run", "-", "--id", "p1"], {
        url: server.url,
        input: plan,
      });
    assert.equal((await run()).stdout, "p1\n");
    assert.equal(await bus.task("p1").result(), 1);
    assert.equal((await run()).stdout, "p1  (was submitted before)\n");
  });
});

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { connect, type Bus } from "../../index.js";
import { doer, quiet } from "../support/doer.js";
import { testServer, type TestServer } from "../support/server.js";
import { troupe } from "./command.js";

let server: TestServer;
let bus: Bus;

before(async () => {
  server = await testServer();
  bus = await connect({ url: server.url });
  const echo = doer(
    (input) => {
      if (input === "fail") throw new Error("it fails");
      return input;
    },
    { retry: { attempts: 1 } },
  );
  await bus.serve(echo, quiet);
});
after(async () => {
  await bus.close();
  await server.stop();
});

const schedules = (...args: string[]) =>
  troupe(["schedules", ...args], { url: server.url });

/** What it says when it is well. */
async function said(...args: string[]) {
  const { code, stdout, stderr } = await schedules(...args);
  assert.match(stderr, args.includes("--wait") ? /^task \S+\n$/ : /^$/);
  assert.equal(code, 0);
  return stdout;
}

describe("schedules", { concurrency: 2 }, () => {
  test("add, ls, show, pause, resume, fire and rm, from the first to the last", async () => {
    const how =
      "--time-zone Europe/Berlin --missed 7 --key k --deadline 1h --until 2200-01-01T00:00:00Z";
    const what = ["nightly", "0 3 * * *", "doer.do", '{"kind":"daily"}'];
    const added = await said("add", ...what, ...how.split(" "));
    assert.match(added, /^nightly {2}active\n/);
    assert.match(added, /when +0 3 \* \* \* \(Europe\/Berlin\)/);
    assert.match(added, /skill +doer\.do\n/);
    assert.match(added, /input +\{"kind":"daily"\}/);
    assert.match(added, /key +k\n/);
    assert.match(added, /deadline +1h\n/);
    assert.match(added, /missed +caught up with, the newest 7\n/);
    assert.match(
      added,
      /next +\d{4}-\d\d-\d\d \d\d:\d\d:00 UTC([-+]\d\d:\d\d)?, /,
    );
    assert.match(added, /last +-\n/);
    const paused = await said("pause", "nightly", "--reason", "holidays");
    assert.match(paused, /^nightly {2}paused since .*: holidays\n/);
    assert.match(await said("ls"), /nightly +paused +0 3 .* doer\.do +- +- +-/);
    const fired = await said("fire", "nightly", "--wait");
    assert.deepEqual(JSON.parse(fired), { kind: "daily" });
    const shown = await said("show", "nightly");
    assert.match(shown, /last +.*, by hand +nightly@\w+ +completed\n/);
    assert.match(await said("resume", "nightly"), /^nightly {2}active\n/);
    assert.equal(await said("rm", "nightly"), "nightly is gone\n");
  });

  test("--json is one object a line, with all that people see", async () => {
    const add = ["add", "poll", "every 5m", "doer.do", "1", "--json"];
    const first = await schedules(...add, "--paused", "--priority", "high");
    const [added] = first.objects;
    assert.equal(added?.["change"], "added");
    assert.equal(added?.["when"], "every 5m");
    assert.equal(added?.["priority"], "high");
    assert.equal(added?.["state"], "paused");
    const other = await schedules(...add, "--replace");
    assert.equal(other.objects[0]?.["change"], "replaced");
    const { objects } = await schedules("ls", "--json");
    const found = objects.find(({ name }) => name === "poll");
    assert.deepEqual(found?.["catchUp"], 0);
    const fired = await schedules("fire", "poll", "--json");
    assert.match(String(fired.objects[0]?.["taskId"]), /^poll@/);
    const gone = await schedules("rm", "poll", "--json");
    assert.deepEqual(gone.objects, [{ name: "poll", deleted: true }]);
  });

  test("by need it says what is needed, and who did it at last", async () => {
    const add = ["add", "needy", "@yearly", "do@>=0", "5"];
    const added = await said(...add, "--prefer", "least-loaded");
    assert.match(added, /need +\*\.do@>=0/);
    await said("fire", "needy", "--wait");
    assert.match(
      await said("show", "needy"),
      /last +.*needy@\w+ {2}by doer\.do {2}completed\n/,
    );
    assert.match(await said("ls"), /needy +active +@yearly .* \*\.do@>=0 /);
    const words = ["add", "wordy", "@yearly", "5", "--text", "does it"];
    assert.match(await said(...words), /need +"does it"/);
  });

  test("fire --wait exits 1 when the task fails, says why, and names it", async () => {
    await bus.schedule("bad", "@yearly", "doer.do", "fail");
    const { code, stderr } = await schedules("fire", "bad", "--wait");
    assert.match(stderr, /it fails.* \(task "bad@\w+" has failed\)\n$/);
    assert.equal(code, 1);
    const inJson = await schedules("fire", "bad", "--wait", "--json");
    const [{ taskId, state, error } = {}] = inJson.objects;
    assert.match(String(taskId), /^bad@/);
    assert.equal(state, "failed");
    assert.match((error as Error).message, /it fails/);
    assert.equal(inJson.code, 1);
  });

  test("who adds one where nobody serves is told so", async () => {
    await using lonely = await connect({
      url: server.url,
      namespace: "lonely",
    });
    const worker = await lonely.serve(
      doer(() => 1),
      quiet,
    );
    await worker.drain();
    const added = await troupe(
      ["schedules", "add", "x", "@daily", "doer.do", "--namespace", "lonely"],
      { url: server.url },
    );
    assert.match(added.stderr, /no process serves an agent here/);
    assert.equal(added.code, 0);
  });

  const wrong: [string[], RegExp][] = [
    [["add", "x", "0 3 * * *"], /AGENT\.SKILL is missing/],
    [["add", "x", "0 3 30 2 *", "doer.do"], /never fires/],
    [["add", "x", "every day", "doer.do"], /write "every 1d"/],
    [["add", "x", "every 1 s", "doer.do"], /"every 1 s" .*: write "every 1s"/],
    [["add", "x", "10 Minutes", "doer.do"], /write "every 10m"/],
    [["add", "x", "5m", "doer.do"], /write "every 5m"/],
    [["add", "x", "every blue moon", "doer.do"], /write "every 5m" \(ms,/],
    [["add", "x", "every 10ms", "doer.do"], /every "10ms" is too short/],
    [["add", "x", "daily", "doer.do"], /or "@daily"/],
    [
      ["add", "x", "@daily", "doer.do", "1", "--missed", "all"],
      /--missed "all"/,
    ],
    [["add", "x", "@daily", "doer.do", "1", "--from", "soon"], /--from "soon"/],
    [["add", "x", "@daily", "nobody.do"], /AGENT_UNKNOWN/],
    [["add", "x", "@daily", "doet.do"], /did you mean "doer"\?/],
    [["show", "x"], /no schedule "x": see which there are with npx troupe/],
    [["rm", "baad"], /no schedule "baad": did you mean "bad"\?/],
    [["pause", "baad"], /did you mean "bad"\?/],
    [["fire", "baad"], /did you mean "bad"\?/],
    [["pauze", "x"], /pause/],
  ];
  describe("that are asked for wrongly", { concurrency: 2 }, () => {
    for (const [args, message] of wrong)
      test(`"${args.join(" ")}" exits 2 and says why`, async () => {
        const { code, stderr } = await schedules(...args);
        assert.match(stderr, message);
        assert.equal(code, 2);
      });
  });
});

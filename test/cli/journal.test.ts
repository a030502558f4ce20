import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { after, before, describe, test } from "node:test";
import { z } from "zod";
import { agent, connect, skill, type Bus } from "../../index.js";
import { quiet } from "../support/doer.js";
import { eventually } from "../support/eventually.js";
import { testServer, type TestServer } from "../support/server.js";
import { trips } from "../support/trips.js";
import { demoFolder, troupe } from "./command.js";

const tripsModule = fileURLToPath(
  new URL("../support/trips.js", import.meta.url),
);

const flowWith = (first: string) =>
  agent("flow", {
    skills: {
      both: skill({
        description: "Does two things",
        input: z.null(),
        async run(_, task) {
          await task.step(first, () => 1);
          return task.step("b", () => 2);
        },
      }),
    },
  });
const flow = flowWith("a");
const otherFlow = flowWith("x");

let server: TestServer;
let bus: Bus;
const { book } = trips.skills;

before(async () => {
  server = await testServer();
  bus = await connect({ url: server.url });
  await bus.serve(trips, quiet);
});
after(async () => {
  await bus.close();
  await server.stop();
});

const run = (...args: string[]) => troupe(args, { url: server.url });

describe("journal", { concurrency: 2 }, () => {
  test("show prints each operation with its attempts, inputs, results and errors", async () => {
    const input = { to: "Rome", approve: true, fail: true };
    const task = await bus.submit(book, input, { id: "rome" });
    await task.signal("approval", { ok: true }, { id: "boss" });
    await task.result().catch(() => undefined);
    const { stdout, stderr, code } = await run("journal", "show", "rome");
    assert.equal(stderr, "");
    assert.equal(code, 0);
    const time = String.raw`\d\d:\d\d:\d\d\.\d{3}`;
    const lines = [
      String.raw`rome  trips\.book  failed`,
      String.raw`PLACE  TIME +KIND +NAME +ATTEMPT +TOOK +WHAT`,
      String.raw`0 +${time}  step +flight +done +1 .*"flight to Rome"`,
      String.raw`1 +${time}  call +trips\.price +done +(\d+ms)? +"Rome" → 400 \(task rome~trips~1\)`,
      String.raw`2 +${time}  step +hotel +failed +1 +HANDLER_FAILED: no room yet; again at ${time}`,
      String.raw`2 +${time}  step +hotel +done +2 .*\{"name":"hotel in Rome","key":"3 bytes"\}`,
      String.raw`3 +${time}  signal +approval +done .*\{"ok":true\} \(signal boss\)`,
      String.raw` +${time}  undo +failed +what it did is undone: HANDLER_REFUSED: no money`,
      String.raw`2 +${time}  undo +hotel +undone`,
      String.raw`0 +${time}  undo +flight +undone`,
    ];
    for (const line of lines)
      assert.match(stdout, new RegExp(`^${line}$`, "m"));
    assert.match(
      stdout,
      /came +approval +signal +\{"ok":true\} \(signal boss\)$/m,
    );
  });

  test("show, tasks show and tasks ls say what a task waits for", async () => {
    await bus.submit(book, { to: "Oslo", approve: true }, { id: "oslo" });
    await eventually(
      async () => (await bus.find("oslo"))?.state === "input-required",
    );
    const date = String.raw`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d`;
    const waits = String.raw`waits for signal "approval" until ${date}`;
    const shown = await run("journal", "show", "oslo");
    assert.match(
      shown.stdout,
      new RegExp(`^oslo  trips.book  input-required, ${waits}$`, "m"),
    );
    assert.match(shown.stdout, new RegExp(`3 .* begun +until ${date}`));
    const task = await run("tasks", "show", "oslo");
    assert.match(task.stdout, /^state +input-required$/m);
    assert.match(task.stdout, new RegExp(`^now +under way; it ${waits}$`, "m"));
    const list = await run("tasks", "ls", "--agent", "trips");
    assert.match(list.stdout, /^oslo +input-required .*waits for signal "app/m);
  });

  test("show --json is one entry a line", async () => {
    await bus.call(book, { to: "Bonn" }, { id: "bonn" });
    const { objects } = await run("journal", "show", "bonn", "--json");
    assert.deepEqual(
      objects.map(({ kind, op }) => [kind, op]),
      [
        ["begun", 0],
        ["done", 0],
        ["done", 1],
        ["attempt", 2],
        ["done", 2],
      ],
    );
    for (const moment of [objects[0]?.["at"], objects[3]?.["retryAt"]])
      assert.match(String(moment), /^\d{4}-.*Z$/);
  });

  test("fork starts a new task from a step on, and waits for it", async () => {
    await bus.call(book, { to: "Kiel" }, { id: "kiel" });
    const fork = ["journal", "fork", "kiel", "--before", "hotel"];
    const input = ["--input", '{"to":"Lund"}', "--id", "lund"];
    const waited = await run(...fork, ...input, "--wait");
    const { flight, hotel } = JSON.parse(waited.stdout) as Record<
      string,
      string
    >;
    assert.deepEqual([flight, hotel], ["flight to Kiel", "hotel in Lund"]);
    assert.equal(waited.stderr, "task lund\n");
    const said = "lund  (was submitted before)\n";
    assert.equal((await run(...fork, ...input)).stdout, said);
    const anew = await run(...fork, ...input, "--wait");
    assert.equal(anew.stderr, `task ${said}`);
    const again = await run(...fork, ...input, "--json");
    assert.deepEqual(again.objects, [
      { taskId: "lund", agent: "trips", duplicate: true },
    ]);
    const shown = await run("journal", "show", "lund");
    assert.match(
      shown.stdout,
      /forked +from task kiel of trips: what stands before place 2/,
    );
  });

  test("fork says that nobody is there to go on with it", async () => {
    const alone = agent("alone", { skills: { both: flow.skills.both } });
    const worker = await bus.serve(alone, quiet);
    await bus.call("alone.both", null, { id: "old" });
    await worker.drain();
    const forked = await run("journal", "fork", "old", "--before", "b");
    assert.equal(forked.code, 0);
    assert.match(forked.stderr, /^note: no instance of "alone" is running/);
  });

  test("fork --wait says at once that the handler does not fit, and what was expected and found", async () => {
    const { both } = flow.skills;
    const old = await bus.serve(flow, quiet);
    const task = await bus.submit(both, null, { id: "two" });
    await task.result();
    await old.drain();
    await bus.serve(otherFlow, quiet);
    const fork = ["journal", "fork", "two", "--before", "b", "--wait"];
    const people = await run(...fork, "--id", "stopped");
    assert.equal(people.code, 1);
    assert.match(
      people.stderr,
      /^task stopped\nerror STEP_MISMATCH: the handler of flow.both in version .* expected step "a", found step "x"/,
    );
    const again = await run(...fork, "--id", "stopped", "--json");
    assert.equal(again.code, 1);
    assert.equal(
      (again.objects[0]!["error"] as { code: string }).code,
      "STEP_MISMATCH",
    );
  });

  test("export and check: a journal as a file against a module of today", async () => {
    await bus.call(book, { to: "Pisa" }, { id: "pisa" });
    const folder = await mkdtemp(join(tmpdir(), "troupe-journal-"));
    try {
      const file = join(folder, "pisa.json");
      const exported = await run("journal", "export", "pisa");
      await writeFile(file, exported.stdout);
      const fits = await run("journal", "check", file, tripsModule);
      assert.match(
        fits.stdout,
        /^the handler of trips\.book in version 1\.2\.0 fits/,
      );
      assert.equal(fits.code, 0);
      await writeFile(file, exported.stdout.replaceAll('"hotel"', '"motel"'));
      const other = await run("journal", "check", file, tripsModule, "--json");
      const [{ fits: isFit, difference } = {}] = other.objects;
      assert.equal(isFit, false);
      assert.deepEqual(difference, {
        kind: "step",
        place: 2,
        expected: 'step "motel"',
        found: 'step "hotel"',
      });
      assert.equal(other.code, 1);
      const writer = await run(
        "journal",
        "check",
        file,
        `${demoFolder}writer.js`,
      );
      assert.match(
        writer.stderr,
        /the journal is of agent "trips", and .* exports "writer"/,
      );
      assert.equal(writer.code, 2);
    } finally {
      await rm(folder, { recursive: true });
    }
    const direct = await run("journal", "check", "pisa", tripsModule);
    assert.equal(direct.code, 0);
  });

  const wrong: [string[], RegExp][] = [
    [["show"], /the task's ID is missing/],
    [["show", "nothing"], /TASK_UNKNOWN: there is no task "nothing"/],
    [["fork", "x"], /--before is missing/],
    [["check", "x"], /the MODULE with its agent is missing/],
    [["check", tripsModule, tripsModule], /cannot be read: it is no JSON/],
    [["check", "nowhere.json", tripsModule], /is no file "nowhere.json"/],
    [["shwo", "x"], /did you mean "show"/],
    [[], /unknown form of journal "": there are show, fork, check, export/],
  ];
  for (const [args, message] of wrong)
    test(`"${["journal", ...args].join(" ")}" exits 2 and says why`, async () => {
      const { code, stderr } = await run("journal", ...args);
      assert.match(stderr, message);
      assert.equal(code, 2);
    });
});

import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { z } from "zod";
import { agent, skill, type Bus, type TaskContext } from "../../../index.js";
import { gate, quiet, story } from "../../support/doer.js";
import { eventually } from "../../support/eventually.js";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();
const once = { attempts: 1 } as const;

/** An agent whose one skill does what it is given, and falls back to another's. */
function worker(
  name: string,
  run: (input: string, task: TaskContext) => unknown,
  fallback?: string,
) {
  return agent(name, {
    skills: {
      work: skill({
        description: "Works",
        input: z.string(),
        output: z.string(),
        retry: once,
        ...(fallback === undefined ? {} : { fallback }),
        run: run as (input: string) => string,
      }),
    },
  });
}
const down = () => {
  throw new Error("down");
};

async function served(t: TestContext, ...agents: ReturnType<typeof worker>[]) {
  const bus = await shared.connect(t);
  for (const each of agents) await bus.serve(each, quiet);
  return bus;
}

async function letters(bus: Bus): Promise<string[]> {
  const found: string[] = [];
  for await (const { agent: name } of bus.deadLetters()) found.push(name);
  return found.sort();
}

test("a fallback is told what its task is: the same input, context and level, and who did not do it", async (t) => {
  const told: unknown[] = [];
  const bus = await served(
    t,
    worker("b", (input, { context, level, id }) => {
      told.push({ input, context, level, id });
      return "b";
    }),
    worker("a", down, "b.work"),
  );
  const task = await bus.submit("a.work", "x", {
    id: "t1",
    context: "c1",
    priority: "high",
  });
  assert.equal(await task.result(), "b");
  assert.deepEqual(told, [
    { input: "x", context: "c1", level: "high", id: "t1~a~fallback" },
  ]);
  assert.deepEqual(await letters(bus), []);
});

test("fallbacks may have fallbacks, and end where one would come back to a skill that has failed", async (t) => {
  const ran: string[] = [];
  const failing = (name: string, to: string) =>
    worker(
      name,
      () => {
        ran.push(name);
        return down();
      },
      to,
    );
  const bus = await served(
    t,
    failing("c", "a.work"),
    failing("b", "c.work"),
    failing("a", "b.work"),
  );
  await assert.rejects(bus.call("a.work", "x"), {
    code: "HANDLER_FAILED",
    message:
      /down; and its fallback b\.work failed, too: .*c\.work failed, too/,
  });
  assert.deepEqual(ran, ["a", "b", "c"]);
  assert.deepEqual(await letters(bus), ["a", "b", "c"]);
});

test("a fallback that nobody serves, or that takes other input, is none", async (t) => {
  const picky = agent("picky", {
    skills: {
      work: skill({ description: "Adds", input: z.number(), run: (n) => n }),
    },
  });
  const bus = await served(t, worker("a", down, "nobody.work"));
  await bus.serve(picky, quiet);
  await bus.serve(worker("b", down, "picky.work"), quiet);
  for (const name of ["a.work", "b.work"])
    await assert.rejects(bus.call(name, "x"), {
      code: "HANDLER_FAILED",
      message: "down",
    });
});

test("what a fallback gives must be what the skill has promised", async (t) => {
  const other = agent("b", {
    skills: {
      work: skill({ description: "Counts", input: z.string(), run: () => 7 }),
    },
  });
  const bus = await shared.connect(t);
  await bus.serve(other, quiet);
  await bus.serve(worker("a", down, "b.work"), quiet);
  await assert.rejects(bus.call("a.work", "x"), { code: "OUTPUT_INVALID" });
});

test("a task that is canceled while its fallback works ends canceled, and so does its fallback", async (t) => {
  const { opened, open } = gate();
  let begun = false;
  const bus = await served(
    t,
    worker("b", async () => {
      begun = true;
      await opened;
      return "late";
    }),
    worker("a", down, "b.work"),
  );
  const task = await bus.submit("a.work", "x", { id: "t1" });
  await eventually(() => begun);
  assert.equal(await task.state(), "working");
  assert.equal(await task.cancel("no longer needed"), true);
  await assert.rejects(task.result(), { code: "TASK_CANCELED" });
  const fallback = bus.task("t1~a~fallback");
  await eventually(async () => (await fallback.state()) === "canceled");
  open();
  assert.deepEqual(await letters(bus), []);
});

test("ids may be long, and of any text", async (t) => {
  const bus = await served(
    t,
    worker("b", () => "b"),
    worker("a", down, "b.work"),
  );
  for (const id of ["x".repeat(250), "a b/é*>".repeat(8)]) {
    const task = await bus.submit("a.work", "x", { id });
    assert.equal(await task.result(), "b");
    const kinds = (await story(task)).map(({ kind }) => kind);
    assert.deepEqual(kinds, ["fallback", "completed"]);
  }
});

test("a fallback may be whoever meets a need, found once, and never a skill that has failed", async (t) => {
  const ran: string[] = [];
  const noted = (name: string) => (input: string) => {
    ran.push(name);
    if (name !== "c") throw new Error("down");
    return `${name} ${input}`;
  };
  const bus = await served(
    t,
    worker("c", noted("c")),
    worker("a", noted("a"), "*.work"),
  );
  const task = await bus.submit("a.work", "x");
  assert.equal(await task.result(), "c x");
  assert.deepEqual(ran, ["a", "c"]);
  for await (const { kind, fallback } of task.events()) {
    if (kind === "fallback") assert.equal(fallback?.agent, "c");
  }
});

test("where nobody meets the need of a fallback, the task ends as without one", async (t) => {
  const bus = await served(t, worker("a", down, "*.work"));
  await assert.rejects(bus.call("a.work", "x"), /down/);
  assert.deepEqual(await letters(bus), ["a"]);
});

test("what a task did durably is undone before its fallback does it all", async (t) => {
  const did: string[] = [];
  const bus = await served(
    t,
    worker("b", () => (did.push("b"), "b")),
    worker(
      "a",
      async (_input, task) => {
        const undo = () => did.push("undo");
        await task.step("s", () => did.push("s"), { undo });
        down();
      },
      "b.work",
    ),
  );
  assert.equal(await bus.call("a.work", "x"), "b");
  assert.deepEqual(did, ["s", "undo", "b"]);
});

test("a task whose steps could not be undone is for a person, not for its fallback", async (t) => {
  const bus = await served(
    t,
    worker("b", () => "b"),
    worker(
      "a",
      async (_input, task) => {
        await task.step("s", () => 1, { undo: down, retry: once });
        down();
      },
      "b.work",
    ),
  );
  await assert.rejects(bus.call("a.work", "x"), { code: "UNDO_FAILED" });
  assert.deepEqual(await letters(bus), ["a"]);
});

test("a task that comes back while its breaker is open goes on later: its fallback would do again what is done", async (t) => {
  const did: string[] = [];
  const bus = await served(
    t,
    worker("b", (input) => (did.push(input), "b")),
  );
  const a = agent("a", {
    skills: {
      work: skill({
        description: "Waits, or fails",
        input: z.string(),
        retry: once,
        breaker: { failures: 1, rest: "30s" },
        fallback: "b.work",
        run: (input, task) => (input === "fail" ? down() : task.waitFor("go")),
      }),
    },
  });
  const { counts } = await bus.serve(a, quiet);
  const task = await bus.submit("a.work", "wait");
  await eventually(() => counts.parked === 1);
  assert.equal(await bus.call("a.work", "fail"), "b");
  await task.signal("go");
  await eventually(() => counts.returned === 1);
  assert.deepEqual(did, ["fail"]);
});

for (const does of ["nothing", "a step"] as const)
  test(`a task that did ${does} and is canceled while nobody waits for its fallback cancels that as well`, async (t) => {
    let begun = false;
    const waits = worker("b", (_input, task) => {
      begun = true;
      return task.waitFor("go");
    });
    const failing = worker(
      "a",
      async (_input, task) => {
        const undo = () => undefined;
        if (does === "a step") await task.step("s", () => 1, { undo });
        down();
      },
      "b.work",
    );
    const bus = await served(t, waits);
    const first = await bus.serve(failing, quiet);
    const task = await bus.submit("a.work", "x", { id: "t1" });
    await eventually(() => begun);
    await first.drain();
    assert.equal(await task.cancel("no longer needed"), true);
    await bus.serve(failing, quiet);
    await assert.rejects(task.result(), { code: "TASK_CANCELED" });
    const fallback = bus.task("t1~a~fallback");
    await eventually(async () => (await fallback.state()) === "canceled");
  });

for (const does of ["nothing", "a step"] as const)
  test(`a fallback that was begun counts, though the version that is served then has none (a task that did ${does})`, async (t) => {
    const ran: string[] = [];
    const { opened, open } = gate();
    const spare = worker("b", async () => {
      ran.push("b");
      await opened;
      return "by b";
    });
    const main = (version: string, fallback?: string) =>
      worker(
        "a",
        async (_input, task) => {
          ran.push(version);
          if (does === "a step")
            await task.step("s", () => 1, { undo: () => ran.push("undone") });
          return fallback === undefined ? version : down();
        },
        fallback,
      );
    const bus = await served(t, spare);
    const first = await bus.serve(main("one", "b.work"), quiet);
    const task = await bus.submit("a.work", "x");
    await eventually(() => ran.includes("b"));
    await first.drain();
    await bus.serve(main("two"), quiet);
    const begun = ran.length;
    open();
    assert.equal(await task.result({ timeout: "10s" }), "by b");
    assert.equal(ran.length, begun);
    assert.equal(ran.filter((who) => who === "b").length, 1);
  });

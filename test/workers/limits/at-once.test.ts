import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { z } from "zod";
import { agent, skill, type Bus } from "../../../index.js";
import type { LimitOptions } from "../../../workers/limits/options.js";
import { gate, quiet } from "../../support/doer.js";
import { eventually } from "../../support/eventually.js";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();
interface Job {
  tenant: string;
  ms: number;
}

/** Counts how many of each tenant are at work at once. */
function crew(limits: LimitOptions<Job>) {
  const now = new Map<string, number>();
  const most = new Map<string, number>();
  const begun: string[] = [];
  const definition = agent("crew", {
    skills: {
      work: skill({
        description: "Takes its time",
        input: z.object({ tenant: z.string(), ms: z.number() }),
        ...limits,
        async run({ tenant, ms }, task) {
          begun.push(task.level);
          for (const name of [tenant, "all"]) {
            now.set(name, (now.get(name) ?? 0) + 1);
            most.set(name, Math.max(most.get(name) ?? 0, now.get(name)!));
          }
          await wait(ms);
          for (const name of [tenant, "all"]) now.set(name, now.get(name)! - 1);
          return task.attempt;
        },
      }),
      quick: skill({ description: "Is quick", input: z.any(), run: () => 1 }),
    },
  });
  return { most, begun, definition, work: definition.skills.work };
}

async function submitAll(bus: Bus, to: ReturnType<typeof crew>, jobs: Job[]) {
  return Promise.all(jobs.map((job) => bus.submit(to.work, job)));
}

const jobsOf = (tenant: string, count: number, ms = 5): Job[] =>
  Array.from({ length: count }, () => ({ tenant, ms }));

test("no more tasks of a skill run at a time than its limit says, and as many do", async (t) => {
  const bus = await shared.connect(t);
  const team = crew({ atOnce: 3 });
  const tasks = await submitAll(bus, team, jobsOf("a", 60));
  await bus.serve(team.definition, { ...quiet, concurrency: 16 });
  await Promise.all(tasks.map((task) => task.result()));
  assert.equal(team.most.get("all"), 3);
});

test("a full skill does not keep the agent's other skills waiting", async (t) => {
  const bus = await shared.connect(t);
  const team = crew({ atOnce: 1 });
  await bus.serve(team.definition, { ...quiet, concurrency: 2 });
  const slow = await submitAll(bus, team, jobsOf("a", 10, 300));
  for (let at = 0; at < 5; at++)
    await bus.call(team.definition.skills.quick, at);
  assert.ok(team.begun.length < 10, "quick ones waited for all the slow ones");
  await Promise.all(slow.map((task) => task.result()));
});

test("each part has a limit of its own, and one that is full does not keep back another", async (t) => {
  const bus = await shared.connect(t);
  const team = crew({
    atOnce: [{ limit: 2, by: ({ tenant }) => tenant }, { limit: 3 }],
  });
  await bus.serve(team.definition, { ...quiet, concurrency: 16 });
  const many = await submitAll(bus, team, jobsOf("a", 80, 20));
  const few = await submitAll(bus, team, jobsOf("b", 4, 5));
  await Promise.all(few.map((task) => task.result()));
  assert.ok(team.begun.length < 84, "those of the other part all went first");
  await Promise.all(many.map((task) => task.result()));
  assert.equal(team.most.get("a"), 2);
  assert.ok(team.most.get("b")! <= 2);
  assert.ok(team.most.get("all")! <= 3);
});

test("a higher level goes first among those that wait, and a lower one is not starved", async (t) => {
  const bus = await shared.connect(t);
  const team = crew({ atOnce: 1 });
  await bus.serve(team.definition, { ...quiet, concurrency: 8 });
  const low = await Promise.all(
    jobsOf("a", 12, 30).map((job) =>
      bus.submit(team.work, job, { priority: "low" }),
    ),
  );
  await eventually(() => team.begun.length > 0);
  const high = await Promise.all(
    jobsOf("a", 6, 30).map((job) =>
      bus.submit(team.work, job, { priority: "critical" }),
    ),
  );
  await Promise.all([...low, ...high].map((task) => task.result()));
  const lastHigh = team.begun.lastIndexOf("critical");
  const lowBefore = team.begun
    .slice(0, lastHigh)
    .filter((level) => level === "low");
  assert.ok(lowBefore.length < 10, team.begun.join(" "));
});

test("over four instances together no more run than a shared limit says, and it moves to who needs it", async (t) => {
  const team = crew({ atOnce: { limit: 4, shared: true } });
  const buses = await Promise.all([1, 2, 3, 4].map(() => shared.connect(t)));
  const tasks = await submitAll(buses[0]!, team, jobsOf("a", 80, 10));
  for (const bus of buses) await bus.serve(team.definition, quiet);
  await Promise.all(tasks.map((task) => task.result()));
  assert.ok(team.most.get("all")! <= 4, `${team.most.get("all")} at once`);
  assert.ok(team.most.get("all")! >= 2, `${team.most.get("all")} at once`);
});

test("who asks while it is full for long is told so", async (t) => {
  const bus = await shared.connect(t);
  const team = crew({ atOnce: 1 });
  await bus.serve(team.definition, quiet);
  const first = bus.ask(team.work, { tenant: "a", ms: 1_500 });
  await eventually(() => team.begun.length === 1);
  await assert.rejects(bus.ask(team.work, { tenant: "a", ms: 1 }), {
    code: "LIMIT_REACHED",
    retryable: true,
    message: /crew\.work does 1 at a time in an instance/,
  });
  await first;
});

test("a function that throws, or gives no text, ends the task with a dead letter that says so", async (t) => {
  const bus = await shared.connect(t);
  const team = crew({
    atOnce: {
      limit: 1,
      by({ tenant }) {
        if (tenant === "bad") throw new Error("no such tenant");
        return tenant === "none" ? (undefined as unknown as string) : tenant;
      },
    },
  });
  await bus.serve(team.definition, quiet);
  const call = (tenant: string) => bus.call(team.work, { tenant, ms: 1 });
  await assert.rejects(call("bad"), {
    code: "HANDLER_FAILED",
    message: /"by" of its atOnce threw: no such tenant; mend the function/,
  });
  await assert.rejects(call("none"), {
    message: /gave a value of type undefined, and not a string/,
  });
  assert.equal(await call(""), 1);
  assert.equal(await call("x".repeat(1_000)), 1);
  assert.equal(await call("a b.c*>\n\u{1f600}\ud800"), 1);
  assert.deepEqual(team.begun.length, 3);
});

test("a task whose deadline passes while it waits fails then, and keyed tasks keep their order", async (t) => {
  const bus = await shared.connect(t);
  const team = crew({ atOnce: 1 });
  await bus.serve(team.definition, quiet);
  const long = await bus.submit(team.work, { tenant: "a", ms: 1_000 });
  await eventually(() => team.begun.length === 1);
  const late = await bus.submit(
    team.work,
    { tenant: "a", ms: 1 },
    { deadline: "300ms" },
  );
  await assert.rejects(late.result(), { code: "DEADLINE_PASSED" });
  await long.result();
  const keyed = await Promise.all(
    [1, 2, 3].map(() =>
      bus.submit(team.work, { tenant: "k", ms: 5 }, { key: "k" }),
    ),
  );
  await Promise.all(keyed.map((task) => task.result()));
  assert.equal(team.most.get("k"), 1);
});

test("a worker that drains gives back what waits, and another does it", async (t) => {
  const [first, second] = [await shared.connect(t), await shared.connect(t)];
  const team = crew({ atOnce: 1 });
  const worker = await first.serve(team.definition, {
    ...quiet,
    concurrency: 8,
  });
  const tasks = await submitAll(first, team, jobsOf("a", 8, 100));
  await eventually(() => team.begun.length > 0);
  const startedAt = performance.now();
  await worker.drain();
  assert.ok(performance.now() - startedAt < 5_000);
  await second.serve(team.definition, quiet);
  await Promise.all(tasks.map((task) => task.result()));
});

test("what a task waits at a limit does not count as how long its agent takes", async (t) => {
  const bus = await shared.connect(t);
  const { opened, open } = gate();
  const narrow = agent("narrow", {
    skills: {
      pass: skill({
        description: "Is slow once",
        input: z.boolean(),
        atOnce: 1,
        run: (isSlow) => (isSlow ? opened : undefined),
      }),
    },
  });
  const worker = await bus.serve(narrow, quiet);
  const { pass } = narrow.skills;
  const first = await bus.submit(pass, true);
  await eventually(() => worker.card().running === 1);
  const begunAt = performance.now();
  const others = await Promise.all(
    Array.from({ length: 12 }, () => bus.submit(pass, false)),
  );
  await eventually(() => worker.card().running === 13);
  await eventually(() => performance.now() - begunAt > 300);
  const heldMs = performance.now() - begunAt;
  open();
  await Promise.all([first, ...others].map((task) => task.result()));
  await eventually(() => worker.card().running === 0);
  const { latencyMs } = worker.card();
  assert.ok(latencyMs! < heldMs / 2, `${latencyMs} of ${heldMs} ms`);
});

// What becomes of limits that instances share when a process of them is killed.
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { z } from "zod";
import { agent, skill, type Bus } from "../../index.js";
import { quiet, story } from "../support/doer.js";
import { eventually } from "../support/eventually.js";
import {
  mostAtOnce,
  startLimited,
  stretchesOf,
  type Limited,
} from "../support/limited.js";
import { sharedServer } from "../support/shared-server.js";

const shared = sharedServer();

async function breakerKinds(bus: Bus): Promise<string[]> {
  const kinds: string[] = [];
  for await (const { kind } of bus.replay({ kind: "agent", agent: "limited" }))
    if (kind.startsWith("breaker")) kinds.push(kind);
  return kinds;
}

test("permits of a killed process come back to the others, and the limit held all the time", async (t) => {
  const bus = await shared.connect(t);
  const limits = { atOnce: { limit: 3, shared: true } };
  const start = () => startLimited(shared, t, { limits });
  const children: Limited[] = await Promise.all([start(), start(), start()]);
  const tasks = await Promise.all(
    Array.from({ length: 60 }, () => bus.submit("limited.work", { ms: 50 })),
  );
  const busy = await eventually(() =>
    children.find((child) => stretchesOf([child]).length > 1),
  );
  await busy!.kill();
  await Promise.all(tasks.map((task) => task.result()));
  // What the killed one did not get to say: it worked at least as long as it was told to, or until it was killed.
  const most = mostAtOnce(stretchesOf(children), ({ begun }) => begun + 50);
  assert.ok(most <= 3, `${most} at once`);
  assert.ok(most >= 2, `${most} at once`);
});

test("a probe whose process is killed makes room for another, and the breaker closes", async (t) => {
  const bus = await shared.connect(t);
  const breaker = { failures: 3, within: "1m", rest: "300ms" } as const;
  const bad = await startLimited(shared, t, {
    limits: { breaker },
    fails: true,
  });
  const tasks = await Promise.all(
    Array.from({ length: 3 }, () => bus.submit("limited.work", { ms: 1 })),
  );
  await eventually(async () =>
    (await breakerKinds(bus)).includes("breaker-opened"),
  );
  await bad.kill();
  const stuck = await startLimited(shared, t, { limits: { breaker } });
  const long = await bus.submit(
    "limited.work",
    { ms: 60_000 },
    { priority: "critical", id: "long" },
  );
  await eventually(() =>
    stretchesOf([stuck]).some(({ task }) => task === "long"),
  );
  if (!(await breakerKinds(bus)).includes("breaker-closed")) await stuck.kill();
  await long.cancel();
  const good = await startLimited(shared, t, { limits: { breaker } });
  await Promise.all(tasks.map((task) => task.result()));
  await eventually(() => stretchesOf([good, stuck]).length >= 3);
  await eventually(
    async () => (await breakerKinds(bus)).at(-1) === "breaker-closed",
  );
});

test("a task whose process is killed while its fallback works ends with the result of that one fallback", async (t) => {
  const bus = await shared.connect(t);
  let ran = 0;
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  const spare = agent("spare", {
    skills: {
      work: skill({
        description: "Works when it is let",
        input: z.object({ ms: z.number() }),
        async run() {
          ran++;
          await opened;
          return "by the spare";
        },
      }),
    },
  });
  await bus.serve(spare, quiet);
  const limits = {
    breaker: { failures: 1, rest: "2m" },
    fallback: "spare.work",
  } as const;
  const order = { limits, fails: true };
  const first = await startLimited(shared, t, order);
  await bus.submit("limited.work", { ms: 0 }, { id: "opens" });
  await eventually(async () =>
    (await breakerKinds(bus)).includes("breaker-opened"),
  );
  const task = await bus.submit("limited.work", { ms: 0 }, { id: "t1" });
  await eventually(() => ran === 2);
  await first.kill();
  const second = await startLimited(shared, t, order);
  await eventually(async () => (await eventsOf(t, "t1")).includes("fallback"));
  open();
  assert.equal(await task.result({ timeout: "30s" }), "by the spare");
  assert.equal(
    await bus.task("opens").result({ timeout: "30s" }),
    "by the spare",
  );
  assert.equal(ran, 2);
  assert.deepEqual(
    stretchesOf([first, second]).map((stretch) => stretch.task),
    ["opens"],
  );
  const kinds = (await story(task)).map(({ kind }) => kind);
  assert.deepEqual(
    kinds.filter((kind) => kind !== "started"),
    ["fallback", "completed"],
  );
});

async function eventsOf(t: TestContext, id: string): Promise<string[]> {
  const bus = await shared.connect(t);
  const kinds: string[] = [];
  for await (const { kind } of bus.replay({ task: id })) kinds.push(kind);
  return kinds;
}

import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { z } from "zod";
import {
  agent,
  refuse,
  skill,
  type AgentEvent,
  type AgentReplayFilter,
  type Bus,
  type ReplayFilter,
  type TaskEvent,
} from "../../../index.js";
import { replay } from "../../../bus/history/replay.js";
import { doer } from "../../support/doer.js";
import { eventually } from "../../support/eventually.js";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();
const quiet = { signals: false } as const;
const clerk = (name: string) =>
  agent(name, {
    skills: {
      file: skill({
        description: "Files, refuses, or needs two attempts",
        input: z.enum(["fine", "refused", "flaky"]),
        retry: { first: "1ms" },
        run(how, task) {
          if (how === "refused") throw refuse("never");
          if (how === "flaky" && task.attempt === 1) throw new Error("once");
          return how;
        },
      }),
    },
  });

const read = async (bus: Bus, filter: ReplayFilter = {}) => {
  const events: TaskEvent[] = [];
  for await (const event of bus.replay(filter)) events.push(event);
  return events;
};
const readAll = async (bus: Bus, filter: AgentReplayFilter) => {
  const events: (TaskEvent | AgentEvent)[] = [];
  for await (const event of bus.replay(filter)) events.push(event);
  return events;
};
const story = (events: TaskEvent[]) =>
  events.map(({ taskId, kind }) => `${taskId} ${kind}`);

/** Three tasks of two agents, one after the other. */
const lived = async (t: TestContext) => {
  const bus = await shared.connect(t);
  await bus.serve(clerk("one"), quiet);
  await bus.serve(clerk("two"), quiet);
  await bus.call("one.file", "fine", { id: "t1" });
  await bus.call("two.file", "flaky", { id: "t2" });
  await assert.rejects(bus.call("one.file", "refused", { id: "t3" }));
  return bus;
};
const all = [
  "t1 completed",
  "t2 attempt",
  "t2 started",
  "t2 completed",
  "t3 failed",
];

test("an empty log is replayed as nothing", async (t) => {
  assert.deepEqual(await read(await shared.connect(t)), []);
});

test("all that happened comes oldest first, with its place and time, the same each time", async (t) => {
  const bus = await lived(t);
  const events = await read(bus);
  assert.deepEqual(story(events), all);
  const places = events.map(({ sequence }) => sequence!);
  const first = places[0]!; // what happened to the agents stands before it
  assert.deepEqual(
    places.map((place) => place - first),
    [0, 1, 2, 3, 4],
  );
  assert.ok(events.every(({ at }) => at instanceof Date));
  assert.deepEqual(await read(await shared.connect(t)), events);
  const [one] = events;
  assert.deepEqual(
    [one?.skill, one?.input, one?.output],
    ["file", "fine", "fine"],
  );
  assert.equal(events[4]?.error?.code, "HANDLER_REFUSED");
});

test("a replay can be of one task, one agent, some kinds, or a stretch of the log", async (t) => {
  const bus = await lived(t);
  const [{ sequence: one = 0 } = {}] = await read(bus);
  const cases: [ReplayFilter, string[]][] = [
    [{ task: "t2" }, all.slice(1, 4)],
    [{ agent: "one" }, ["t1 completed", "t3 failed"]],
    [{ agent: "one", task: "t2" }, []],
    [{ kind: "failed" }, ["t3 failed"]],
    [{ kind: ["completed", "attempt"] }, [all[0]!, all[1]!, all[3]!]],
    [{ from: one + 3 }, all.slice(3)],
    [{ to: one + 1 }, all.slice(0, 2)],
    [{ from: one + 1, to: one + 2 }, all.slice(1, 3)],
    [{ from: 99 }, []],
    [{ since: "1h" }, all],
    [{ since: new Date(Date.now() + 60_000) }, []],
    [{ until: "1h" }, []],
    [{ until: new Date(Date.now() + 60_000) }, all],
  ];
  for (const [filter, expected] of cases)
    assert.deepEqual(
      story(await read(bus, filter)),
      expected,
      JSON.stringify(filter),
    );
});

test("a moment between two events parts them", async (t) => {
  const bus = await lived(t);
  const events = await read(bus);
  const since = events[1]!.at!;
  const later = events.filter(({ at }) => at! >= since);
  assert.deepEqual(await read(bus, { since }), later);
  const until = new Date(since.getTime() - 1);
  const sooner = events.filter(({ at }) => at! <= until);
  assert.deepEqual(await read(bus, { until }), sooner);
});

test("a replay that follows goes on with what comes, without a gap, until its reader has enough", async (t) => {
  const bus = await lived(t);
  const seen: string[] = [];
  for await (const { taskId, kind } of bus.replay({ follow: true })) {
    seen.push(`${taskId} ${kind}`);
    if (seen.length === all.length)
      await bus.submit("one.file", "fine", { id: "t4" });
    if (taskId === "t4") break;
  }
  assert.deepEqual(seen, [...all, "t4 completed"]);
});

test("without following, a replay ends with what was there at its start", async (t) => {
  const bus = await lived(t);
  const seen: string[] = [];
  for await (const { taskId, kind } of bus.replay()) {
    if (seen.length === 0) await bus.call("one.file", "fine", { id: "t4" });
    seen.push(`${taskId} ${kind}`);
  }
  assert.deepEqual(seen, all);
});

test("many more events than one page come all, in order", async (t) => {
  const bus = await shared.connect(t);
  await bus.serve(clerk("one"), { ...quiet, concurrency: 64 });
  const count = 5_000;
  await Promise.all(
    Array.from({ length: count }, () => bus.call("one.file", "fine")),
  );
  const events = await read(bus);
  const before = events[0]!.sequence!; // what happened to the agent
  assert.deepEqual(
    events.map(({ sequence }) => sequence),
    Array.from({ length: count }, (_, at) => before + at),
  );
});

test("a replay can go at the recorded pace, or a multiple of it", async (t) => {
  const bus = await shared.connect(t);
  await bus.serve(clerk("one"), quiet);
  await bus.call("one.file", "fine", { id: "t1" });
  await bus.call("one.file", "fine", { id: "t2", delay: "300ms" });
  const [first, second] = await read(bus);
  const gapMs = second!.at!.getTime() - first!.at!.getTime();
  assert.ok(gapMs >= 250);
  const timed = async (speed: number) => {
    const startedAt = Date.now();
    assert.equal((await read(bus, { speed })).length, 2);
    return Date.now() - startedAt;
  };
  assert.ok((await timed(1)) >= gapMs - 20, "as it was");
  assert.ok((await timed(1_000)) < gapMs, "a thousand times as fast");
  for (const speed of [0, -1, NaN])
    await assert.rejects(read(bus, { speed }), { code: "ARGUMENT_INVALID" });
});

test("a replay fails when its connection is closed, and does not hang", async (t) => {
  const bus = await shared.connect(t);
  const other = await shared.connect(t);
  await other.serve(clerk("one"), quiet);
  await other.call("one.file", "fine");
  const following = (async () => {
    for await (const event of bus.replay({ follow: true }))
      if (event.kind === "completed") await bus.close();
  })();
  await assert.rejects(following, { code: "CONNECTION_CLOSED" });
});

test("an event that nobody can read is passed over", async (t) => {
  const bus = await lived(t);
  const bare = await shared.bare(t);
  const subject = `${shared.namespaceOf(t)}.event.task.one.t9.end.-`;
  await bare.request(subject, "no message");
  await bus.call("one.file", "fine", { id: "t10" });
  assert.deepEqual(story(await read(bus)), [...all, "t10 completed"]);
});

test("how long ago is meant by the server's clock, whatever ours says", async (t) => {
  const bus = await lived(t);
  const link = await shared.link(t);
  const at = (offsetMs: number) => {
    const now = Date.now();
    link.clock.adjust(new Date(now + offsetMs).toISOString(), now);
  };
  const kinds = async (filter: ReplayFilter) => {
    const events: string[] = [];
    for await (const { kind } of replay(link, filter)) events.push(kind);
    return events;
  };
  const hourMs = 3_600_000;
  const { length } = await read(bus);
  at(hourMs);
  assert.deepEqual(await kinds({ since: "30m" }), []);
  assert.equal((await kinds({ since: "2h" })).length, length);
  assert.equal((await kinds({ until: "30m" })).length, length);
});

test("what happens to agents is replayed alone, or among what happens to tasks, in the order of the log", async (t) => {
  const bus = await shared.connect(t);
  const worker = await bus.serve(
    doer((input) => input),
    quiet,
  );
  await bus.call("doer.do", 1);
  await bus.pauseAgent("doer", { reason: "repairs" });
  await bus.resumeAgent("doer");
  await bus.call("doer.do", 2);
  const all = () => readAll(bus, { kind: "all", agent: "doer" });
  await eventually(async () => (await all()).length === 7);
  const own = [];
  for await (const event of bus.replay({ kind: "agent" }))
    if (event.instance === worker.instance) own.push(event);
  assert.deepEqual(
    own.map(({ kind, data }) => [kind, data["reason"]]),
    [
      ["started", undefined],
      ["paused", "repairs"],
      ["resumed", undefined],
    ],
  );
  const events = await all();
  const places = events.map(({ sequence }) => sequence!);
  assert.deepEqual(
    places,
    places.toSorted((a, b) => a - b),
  );
  assert.equal(events.filter((event) => "taskId" in event).length, 2);
  assert.deepEqual(await readAll(bus, { kind: "all", agent: "other" }), []);
  assert.equal((await read(bus, {})).length, 2);
});

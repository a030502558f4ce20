// Closing a bus while something is under way, or begins: all that somebody waits for ends soon, and with an error that
// says why; and the closing itself ends, whatever the server does.
import assert from "node:assert/strict";
import { test } from "node:test";
import { connect, type Bus } from "../../index.js";
import { settledWithin } from "../../protocol/settled-within.js";
import { doer, gate, quiet } from "../support/doer.js";
import { eventually } from "../support/eventually.js";
import { testServer } from "../support/server.js";
import { sharedServer } from "../support/shared-server.js";

const shared = sharedServer();
const closed = { code: "CONNECTION_CLOSED", message: /connect again/ };
const soonMs = 20_000;
const never = (): Promise<never> => new Promise(() => undefined);

async function readAll(events: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of events);
}

/** What is asked of a bus, and what it answers only to who is connected. */
const asked: Record<string, (bus: Bus) => Promise<unknown>> = {
  serve: (bus) =>
    bus.serve(
      doer(() => 1),
      quiet,
    ),
  orchestrate: (bus) => bus.orchestrate(quiet),
  submit: (bus) => bus.submit("doer.do", 1),
  call: (bus) => bus.call("doer.do", 1),
  ask: (bus) => bus.ask("doer.do", 1),
  "ask by need": (bus) => bus.ask({ skill: "do" }, 1),
  result: (bus) => bus.task("nobody").result(),
  events: (bus) => readAll(bus.task("nobody").events()),
  tasks: (bus) => bus.tasks(),
  find: (bus) => bus.find("nobody"),
  journal: (bus) => bus.journal("nobody"),
  fork: (bus) => bus.fork("nobody", { before: "a step" }),
  signal: (bus) => bus.signal("nobody", "paid"),
  backlog: (bus) => bus.backlog("doer"),
  agents: (bus) => bus.agents(),
  instances: (bus) => bus.instances(),
  discover: (bus) => bus.discover(),
  pause: (bus) => bus.pauseAgent("doer"),
  drain: (bus) => bus.drainAgent("doer"),
  schedule: (bus) => bus.schedule("often", { every: "5s" }, "doer.do", 1),
  schedules: (bus) => bus.schedules.list(),
  plans: (bus) => bus.plans.list(),
  query: (bus) => bus.query.status(),
  replay: (bus) => readAll(bus.replay()),
  progress: (bus) => readAll(bus.progress()),
  "dead letters": (bus) => readAll(bus.deadLetters()),
};

test("a bus that is closed says so of all that it is asked, at once", async (t) => {
  const bus = await shared.connect(t);
  await bus.close();
  for (const [name, ask] of Object.entries(asked)) {
    const answer = Promise.resolve().then(() => ask(bus));
    answer.catch(() => undefined);
    assert.ok(await settledWithin(soonMs, answer), `${name} has no end`);
    await assert.rejects(answer, closed, name);
  }
});

test("whatever is under way when a bus is closed ends, at the latest because of that", async (t) => {
  const other = await shared.connect(t);
  await other.serve(doer(never), { ...quiet, drain: "100ms" });
  const bus = await shared.connect(t);
  const handle = await bus.submit("doer.do", 1);
  const waits: Record<string, Promise<unknown>> = {
    result: handle.result(),
    events: readAll(handle.events()),
    call: bus.call("doer.do", 2),
    ask: bus.ask("doer.do", 3),
    follow: readAll(bus.replay({ follow: true })),
    progress: readAll(bus.progress()),
  };
  const requests = Object.entries(asked)
    .filter(([name]) => name !== "events" && name !== "result")
    .map(([name, ask]) => [name, ask(bus)] as const);
  const all = Promise.allSettled([
    ...Object.values(waits),
    ...requests.map(([, answer]) => answer),
  ]);
  await Promise.all([bus.close(), bus.close()]);
  assert.ok(await settledWithin(soonMs, all));
  for (const [name, wait] of Object.entries(waits))
    await assert.rejects(wait, closed, name);
  for (const [name, answer] of requests)
    await answer.catch((error: { code?: string }) =>
      assert.match(error.code ?? "none", /^(?!BUS_FAILED)[A-Z_]+$/, name),
    );
});

test("a replay that rests between two events, as its pace says, ends with its bus", async (t) => {
  const bus = await shared.connect(t);
  const quick = doer(() => 1);
  await bus.serve(quick, quiet);
  await bus.call(quick.skills.do, 1);
  await eventually(async () => {
    await bus.call(quick.skills.do, 2);
    const times: number[] = [];
    for await (const { at } of bus.replay()) times.push(at!.getTime());
    return times.at(-1)! - times[0]! > 10;
  });
  let seen = 0;
  const reading = (async () => {
    for await (const _ of bus.replay({ speed: 0.000_01 })) seen++;
  })();
  reading.catch(() => undefined);
  await eventually(() => seen > 0);
  await bus.close();
  assert.ok(await settledWithin(soonMs, reading));
  await assert.rejects(reading, closed);
});

test("an ask that finds no end holds up a closing for no longer than the drain time", async (t) => {
  const asking = await shared.connect(t);
  const bus = await shared.connect(t);
  const taken = gate();
  const stuck = doer(() => {
    taken.open();
    return never();
  });
  await bus.serve(stuck, { ...quiet, drain: "100ms" });
  const answer = asking.ask(stuck.skills.do, 1, { timeout: "1m" });
  answer.catch(() => undefined);
  await taken.opened;
  assert.ok(await settledWithin(soonMs, bus.close()));
  await assert.rejects(answer, { code: "WORKER_STOPPING" });
});

for (const signal of ["SIGSTOP", "SIGKILL"] as const)
  test(`a bus is closed also when its server has ${signal === "SIGKILL" ? "gone" : "frozen"} with tasks in hand`, async () => {
    await using server = await testServer();
    const bus = await connect({ url: server.url });
    const { opened, open } = gate();
    let running = 0;
    const busy = doer((input) => {
      running++;
      return input === "ends" ? opened : never();
    });
    await bus.orchestrate(quiet);
    await bus.serve(busy, { ...quiet, drain: "100ms" });
    const ending = bus.call(busy.skills.do, "ends");
    const endless = bus.call(busy.skills.do, "does not end");
    const settled = Promise.allSettled([ending, endless]);
    await eventually(() => running === 2);
    process.kill(server.pid, signal);
    open();
    try {
      const closing = bus.close();
      assert.ok(await settledWithin(soonMs, closing));
      await closing;
      assert.ok(await settledWithin(soonMs, settled));
      // The server may have heard of it in its last moment.
      await ending.catch((error: unknown) =>
        assert.equal((error as { code: string }).code, closed.code),
      );
      await assert.rejects(endless, closed);
    } finally {
      if (signal === "SIGSTOP") process.kill(server.pid, "SIGCONT");
    }
  });

test("a block that throws closes its bus, and throws the same", async () => {
  let left: Bus | undefined;
  await assert.rejects(async () => {
    await using bus = await connect({ url: shared.server.url });
    left = bus;
    await using _worker = await bus.serve(
      doer(() => 1),
      quiet,
    );
    throw new Error("of the user's own");
  }, /of the user's own/);
  await assert.rejects(left!.tasks(), closed);
});

// What `troupe tasks show` says of a task that has done something durably.
import assert from "node:assert/strict";
import { test } from "node:test";
import { connect, type Bus } from "../../index.js";
import { eventually } from "../support/eventually.js";
import { broken, doSteps, serveSaga } from "../support/saga.js";
import { sharedServer } from "../support/shared-server.js";
import { troupe } from "./command.js";

const shared = sharedServer();
const date = String.raw`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d`;

const shower =
  (bus: Bus) =>
  (id: string, ...args: string[]) => {
    const words = ["tasks", "show", id, ...args, "--namespace", bus.namespace];
    return troupe(words, { url: bus.url });
  };

function assertRows(text: string, rows: readonly string[]): void {
  for (const row of rows) assert.match(text, new RegExp(`^${row}$`, "m"));
}

test("of one that has left its worker it says since when, what it waits for, until when, and what is on its journal", async (t) => {
  const bus = await shared.connect(t);
  const show = shower(bus);
  const { worker } = await serveSaga(bus, async (task) => {
    await doSteps(task, ["a", "b"], () => undefined);
    return task.waitFor("approval", { timeout: "2h" });
  });
  await bus.submit("saga.run", {}, { id: "p" });
  await eventually(() => worker.counts.parked === 1);
  const { stdout } = await show("p");
  assertRows(stdout, [
    String.raw`now +under way; it waits for signal "approval" until ${date}`,
    String.raw`parked +since ${date}: no worker has it as long as it waits`,
    String.raw`attempts +0 failed`,
    String.raw`journal +4 entries: npx troupe journal show p`,
    String.raw`No events yet: it has left its worker, and no attempt has failed\.`,
  ]);
  const { objects } = await show("p", "--json");
  assert.equal(objects[0]?.["journal"], 4);
});

test("of one whose handler does not fit it says what was expected and found, also when it is canceled", async (t) => {
  const bus = await shared.connect(t);
  const show = shower(bus);
  const serve = (name: string) =>
    serveSaga(bus, async (task) => {
      await doSteps(task, [name], () => undefined);
      return task.waitFor("go");
    });
  const { worker } = await serve("a");
  const task = await bus.submit("saga.run", {}, { id: "m" });
  await eventually(() => worker.counts.parked === 1);
  await worker.drain();
  const { worker: other } = await serve("b");
  await task.signal("go");
  await eventually(() => other.counts.parked >= 1);
  const cancel = (...args: string[]) =>
    troupe(["tasks", "cancel", "m", ...args, "--namespace", bus.namespace], {
      url: bus.url,
    });
  const { stdout: canceled } = await cancel("--reason", "too late");
  assertRows(canceled, [
    String.raw`m is canceled as soon as a version of its handler comes that fits .*expected step "a", found step "b"\)`,
    String.raw`to end it now, without undoing: npx troupe tasks cancel m --no-undo`,
  ]);
  const { stdout } = await show("m");
  assertRows(stdout, [
    String.raw`canceled +asked for at ${date}: too late`,
    String.raw`stopped +version .* of its handler does not fit: expected step "a", found step "b"`,
    String.raw`to do +serve a version that fits, or end it without undoing: npx troupe tasks cancel m --no-undo`,
  ]);
  const ended = await cancel("--no-undo", "--reason", "enough");
  assert.match(
    ended.stdout,
    /^ended m without undoing what it did; .*dead show m$/m,
  );
  assertRows((await show("m")).stdout, [
    String.raw`state +failed`,
    String.raw`still done +a`,
    String.raw`declined +it was ended without undoing the rest`,
    String.raw`to do +npx troupe dead undo m .*`,
  ]);
  const journal = ["journal", "show", "m", "--namespace", bus.namespace];
  const shown = await troupe(journal, { url: bus.url });
  assert.match(shown.stdout, / undo +declined +by \S/);
});

test("of one that is being undone it says what is undone, what not, and when it is tried again", async (t) => {
  const bus = await shared.connect(t);
  const show = shower(bus);
  await serveSaga(bus, async (task) => {
    const retry = { attempts: 2, first: "1h", max: "1h" } as const;
    await doSteps(
      task,
      ["a", "b", "c"],
      (name) => {
        if (name === "b") throw new Error("the bank is closed");
      },
      retry,
    );
    throw broken("no luck");
  });
  await bus.submit("saga.run", {}, { id: "u" });
  await eventually(async () =>
    (await show("u")).stdout.includes("the bank is closed"),
  );
  const { stdout } = await show("u");
  assertRows(stdout, [
    String.raw`state +working`,
    String.raw`undoing +since ${date}, for HANDLER_FAILED: no luck`,
    String.raw`undone +c`,
    String.raw`still done +a, b`,
    String.raw`tries +b again at .*: the bank is closed`,
  ]);
  const { objects } = await show("u", "--json");
  const { undone, standing } = objects[0]!["undoing"] as Record<
    string,
    unknown
  >;
  assert.deepEqual([undone, standing], [["c"], ["a", "b"]]);
});

test("of one that could not be undone it names the command by which a person decides, until that is done", async (t) => {
  const bus = await shared.connect(t);
  const show = shower(bus);
  await serveSaga(bus, async (task) => {
    await doSteps(task, ["a", "b"], (name) => {
      if (name === "a") throw new Error("the bank is closed");
    });
    throw broken();
  });
  await assert.rejects(bus.call("saga.run", {}, { id: "f" }));
  assertRows((await show("f")).stdout, [
    String.raw`state +failed`,
    String.raw`undone +b`,
    String.raw`still done +a`,
    String.raw`stuck at +a: the bank is closed`,
    String.raw`to do +npx troupe dead undo f --retry \| --skip STEP \| --resolve; more by npx troupe dead show f`,
  ]);
  for await (const letter of bus.deadLetters({ task: "f" }))
    await letter.undo("resolve");
  const { stdout } = await show("f");
  assertRows(stdout, [String.raw`resolved +by hand`]);
  assert.doesNotMatch(stdout, /dead undo/);
});

test("of one that was sent what it waits for it says so, and who could take it up", async (t) => {
  const bus = await shared.connect(t);
  const show = shower(bus);
  const serving = await connect({ url: bus.url, namespace: bus.namespace });
  t.after(() => serving.close());
  const { worker } = await serveSaga(serving, (task) =>
    task.waitFor("approval", { timeout: "2h" }),
  );
  await bus.submit("saga.run", {}, { id: "c" });
  await eventually(() => worker.counts.parked === 1);
  await serving.close();
  await bus.signal("c", "approval", "yes");
  const { stdout } = await show("c");
  const why = String.raw`nobody has taken it up yet, for no instance of "saga" is running \(npx troupe work FILE…\)`;
  assertRows(stdout, [
    String.raw`now +under way; what it waits for has come`,
    String.raw`came +signal "approval"; ${why}`,
  ]);
  assert.doesNotMatch(stdout, /send by/);
  const journal = ["journal", "show", "c", "--namespace", bus.namespace];
  const shown = await troupe(journal, { url: bus.url });
  const head = String.raw`^c  saga\.run  input-required, signal "approval" has come; ${why}$`;
  assert.match(shown.stdout, new RegExp(head, "m"));
});

const untilAborted = (signal: AbortSignal) =>
  new Promise((_, reject) =>
    signal.addEventListener("abort", () => reject(signal.reason as Error)),
  );

test("of one that has waited, the attempts that failed are told apart from those that went on", async (t) => {
  const bus = await shared.connect(t);
  const first = await serveSaga(bus, (task) => untilAborted(task.signal), {
    serve: { drain: "50ms" },
  });
  const task = await bus.submit("saga.run", {}, { id: "w" });
  await eventually(() => first.worker.card().running === 1);
  await first.worker.drain();
  const { worker } = await serveSaga(bus, async (task) => {
    for (const name of ["a", "b"]) await task.waitFor(name);
  });
  for (const [at, name] of ["a", "b"].entries()) {
    await eventually(() => worker.counts.parked === at + 1);
    await task.signal(name);
  }
  await task.result();
  const { stdout } = await shower(bus)("w");
  assertRows(stdout, [
    String.raw`attempts +none failed; it was begun or gone on with 4 times`,
  ]);
});

// Handlers that use durable operations as they are not meant to be used: they are told so, and stop nobody else.
import assert from "node:assert/strict";
import { test } from "node:test";
import { runInNewContext } from "node:vm";
import { z } from "zod";
import type { TaskContext } from "../../../index.js";
import { gate } from "../../support/doer.js";
import { entriesOf } from "../../support/journals.js";
import { serveSaga } from "../../support/saga.js";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();
const any = (value: unknown) => value as never;

const misuses: Record<string, (task: TaskContext) => unknown> = {
  "a date that is none": (task) => task.until(new Date(Number.NaN)),
  "a sleep beyond all dates": (task) => task.sleep("9999999999999d"),
  "a step without a name": (task) => task.step(any(undefined), () => 1),
  "a step of an empty name": (task) => task.step("", () => 1),
  "a step of a name of 10 kB": (task) => task.step("n".repeat(10_000), () => 1),
  "a step whose name is cut in the midst of a character": (task) =>
    task.step("hi 😀".slice(0, 4), () => 1),
  "a patch of such a name": (task) => task.patched("hi 😀".slice(0, 4)),
  "a step that is no function": (task) => task.step("a", any(5)),
  "an undo that is no function": (task) =>
    task.step("a", () => 1, { undo: any("b") }),
  "a timeout that is none": (task) =>
    task.step("a", () => 1, { timeout: any("abc") }),
  "a backoff that is none": (task) =>
    task.step("a", () => 1, { retry: { backoff: any("odd") } }),
  "no attempts": (task) => task.step("a", () => 1, { retry: { attempts: 0 } }),
  "a signal without a name": (task) => task.waitFor(""),
  "a signal of the bus": (task) => task.waitFor("$cancel"),
  "a timeout of a signal beyond all dates": (task) =>
    task.waitFor("a", { timeout: "9999999999999d" }),
  "a step inside of a step": (task) =>
    task.step("a", () => task.step("b", () => 1)),
};

for (const [name, misuse] of Object.entries(misuses))
  test(`${name} fails its task at once, and leaves nothing that cannot be read`, async (t) => {
    const bus = await shared.connect(t);
    const { runs } = await serveSaga(bus, (task) => misuse(task), {
      retry: { attempts: 2, first: "1ms" },
    });
    await assert.rejects(bus.call("saga.run", {}, { id: "odd" }), {
      code: "ARGUMENT_INVALID",
    });
    assert.equal(runs(), 1);
    await entriesOf(await shared.link(t), "saga", "odd");
  });

test("a step waits for whatever can be awaited, whoever made it", async (t) => {
  const bus = await shared.connect(t);
  // No Promise of this realm.
  const query = () => runInNewContext("Promise.resolve(7)") as Promise<number>;
  await serveSaga(bus, (task) => task.step("query", query));
  assert.equal(await bus.call("saga.run", {}), 7);
});

test("a handler that goes on after its end does nothing durable any more", async (t) => {
  const bus = await shared.connect(t);
  let did = 0;
  const { opened, open } = gate();
  const wentOn: Promise<void>[] = [];
  await serveSaga(bus, (task) => {
    const goOn = () => void task.step("late", () => did++);
    wentOn.push(opened.then(goOn));
    return 1;
  });
  await bus.call("saga.run", {}, { id: "ended" });
  open();
  await Promise.all(wentOn);
  assert.equal(did, 0);
  const entries = await entriesOf(await shared.link(t), "saga", "ended");
  assert.deepEqual(entries, []);
});

test("what a way of the handler would begin after another has failed is not begun", async (t) => {
  const bus = await shared.connect(t);
  await serveSaga(
    bus,
    async (task) => {
      const slow = async () => {
        await task.step("slow", () => new Promise((r) => setTimeout(r, 30)));
        await task.step("after slow", () => 1);
      };
      const quick = async () => {
        await task.step("quick", () => 1);
        if (task.attempt === 1) throw new Error("once more");
        await task.step("after quick", () => 1);
      };
      await task.all([slow(), quick()]);
      return "fits";
    },
    { retry: { attempts: 2, first: "300ms" } },
  );
  assert.equal(await bus.call("saga.run", {}), "fits");
});

test("a signal that its schema makes something of that cannot be kept fails its wait, and is used up", async (t) => {
  const bus = await shared.connect(t);
  const toSet = z.string().transform((text) => new Set(text));
  await serveSaga(bus, async (task) => {
    const code = await task
      .waitFor("go", { schema: toSet })
      .catch((error: { code: string }) => error.code);
    return [code, await task.waitFor("go")];
  });
  const task = await bus.submit("saga.run", {});
  await task.signal("go", "a");
  await task.signal("go", "b");
  assert.deepEqual(await task.result(), ["STEP_RESULT_INVALID", "b"]);
});

test("a request that waits for a signal without awaiting it ends no process", async (t) => {
  const bus = await shared.connect(t);
  await serveSaga(bus, async (task) => {
    void task.waitFor("go");
    await new Promise(setImmediate);
    return 1;
  });
  assert.equal(await bus.ask("saga.run", {}), 1);
});

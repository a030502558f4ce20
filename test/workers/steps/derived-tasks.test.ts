// Tasks that follow from others have ids of their own: none is taken for another's.
import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { agent, skill, type Bus, type TaskContext } from "../../../index.js";
import { broken, letterOf } from "../../support/saga.js";
import { quiet } from "../../support/doer.js";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();

type Run = (input: never, task: TaskContext) => unknown;

async function serve(
  bus: Bus,
  name: string,
  runs: Record<string, Run>,
  fallback?: string,
) {
  const skills = Object.entries(runs).map(([each, run]) => [
    each,
    skill({
      description: "Does it",
      input: z.any(),
      retry: { attempts: 1 },
      ...(fallback === undefined ? {} : { fallback }),
      run: run as (input: unknown, task: TaskContext) => unknown,
    }),
  ]);
  await bus.serve(agent(name, { skills: Object.fromEntries(skills) }), quiet);
}

test("tasks of the same id of two agents call the same skill, and each gets its own answer", async (t) => {
  const bus = await shared.connect(t);
  await serve(bus, "mail", { send: (text: string) => `sent ${text}` });
  const order = (text: string): Record<string, Run> => ({
    order: (_, task) => task.call("mail.send", text),
  });
  await serve(bus, "billing", order("invoice"));
  await serve(bus, "shipping", order("parcel"));
  const id = "order-7";
  assert.deepEqual(
    await Promise.all([
      bus.call("billing.order", {}, { id }),
      bus.call("shipping.order", {}, { id }),
    ]),
    ["sent invoice", "sent parcel"],
  );
});

test("what a task calls after it has continued is not what those that it called before have called", async (t) => {
  const bus = await shared.connect(t);
  await serve(bus, "echo", { say: (from: string) => from });
  await serve(bus, "loop", {
    async run(again: boolean, task) {
      await task.now();
      if (again) {
        await task.now();
        return task.call("echo.say", "child");
      }
      await task.call("loop.middle", {});
      return task.continueAs(true);
    },
    async middle(_, task) {
      await task.now();
      await task.now();
      return task.call("echo.say", "grandchild");
    },
  });
  assert.equal(await bus.call("loop.run", false, { id: "x" }), "child");
});

test("tasks of the same id of two agents fall back to the same skill, and each gets its own answer", async (t) => {
  const bus = await shared.connect(t);
  await serve(bus, "spare", { run: (who: string) => `for ${who}` });
  for (const name of ["one", "two"])
    await serve(
      bus,
      name,
      { run: () => Promise.reject(broken()) },
      "spare.run",
    );
  const id = "order-7";
  assert.deepEqual(
    await Promise.all(
      ["one", "two"].map((name) => bus.call(`${name}.run`, name, { id })),
    ),
    ["for one", "for two"],
  );
});

test("a letter is redriven as a task that is none of those that its task has called", async (t) => {
  const bus = await shared.connect(t);
  let isMended = false;
  await serve(bus, "own", {
    async run(_, task) {
      for (let n = 0; n < 3; n++) await task.call("own.kid", {});
      if (!isMended) throw broken();
      return "mended";
    },
    kid: () => "kid",
  });
  await bus.call("own.run", {}, { id: "x" }).catch(() => undefined);
  isMended = true;
  const letter = await letterOf(bus, "x");
  const id = await letter!.redrive();
  assert.equal(await bus.task(id).result(), "mended");
});

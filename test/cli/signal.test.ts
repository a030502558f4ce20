import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { agent, skill } from "../../index.js";
import { eventually } from "../support/eventually.js";
import { quiet } from "../support/doer.js";
import { sharedServer } from "../support/shared-server.js";
import { troupe } from "./command.js";

const shared = sharedServer();

const clerk = agent("clerk", {
  skills: {
    ask: skill({
      description: "Asks a person",
      input: z.object({}),
      run: (_, task) => task.waitFor("answer"),
    }),
  },
});

test("signal sends a value to a task that waits for it, and says when it was sent before", async (t) => {
  const bus = await shared.connect(t);
  await bus.serve(clerk, quiet);
  const task = await bus.submit(clerk.skills.ask, {}, { id: "q1" });
  const signal = (...args: string[]) =>
    troupe([
      "signal",
      ...args,
      "--url",
      shared.server.url,
      "--namespace",
      bus.namespace,
    ]);
  const first = await signal("q1", "other", "1", "--id", "x");
  assert.equal(first.code, 0);
  assert.equal(
    first.stdout,
    'Sent "other" to task q1: it is kept until the task waits for it.\n',
  );
  const again = await signal("q1", "other", "2", "--id", "x");
  assert.match(again.stdout, /with this id already; it counts once/);
  await signal("q1", "answer", '{"yes":true}');
  assert.deepEqual(await task.result(), { yes: true });
  const late = await signal("q1", "answer");
  assert.equal(late.code, 2);
  assert.match(late.stderr, /task "q1" has ended/);
  const nobody = await signal("q2", "answer");
  assert.equal(nobody.code, 2);
  assert.match(nobody.stderr, /there is no task "q2"/);
});

test("whoever mistypes a signal is told which one is waited for, and so is who looks at the task", async (t) => {
  const bus = await shared.connect(t);
  await bus.serve(clerk, quiet);
  const task = await bus.submit(clerk.skills.ask, {}, { id: "q1" });
  const { url } = shared.server;
  const where = ["--url", url, "--namespace", bus.namespace];
  const shows = async () =>
    (await troupe(["tasks", "show", "q1", ...where])).stdout;
  const command = /^send by +\S+ \S+ signal q1 answer JSON$/m;
  await eventually(async () => command.test(await shows()));
  const { stderr } = await troupe(["signal", "q1", "anwser", ...where]);
  assert.match(stderr, /does not wait for that now, but for "answer"/);
  const sent = await troupe(["signal", "q1", "answer", "1", ...where]);
  assert.equal(sent.stdout, 'Sent "answer" to task q1, which waits for it.\n');
  assert.equal(sent.stderr, "");
  assert.equal(await task.result(), 1);
  assert.doesNotMatch(await shows(), /send by/);
});

const judge = agent("judge", {
  skills: {
    ask: skill({
      description: "Asks a person, and says what",
      input: z.object({}),
      run: (_, task) =>
        task.waitFor("approval", {
          question: 'Good, or signal "nothing"?',
          schema: z.object({ ok: z.boolean() }),
        }),
    }),
  },
});

test("of a wait with a question it is told as well by which signal it ends, and why one was refused", async (t) => {
  const bus = await shared.connect(t);
  await bus.serve(judge, quiet);
  const task = await bus.submit(judge.skills.ask, {}, { id: "q1" });
  const { url } = shared.server;
  const here = (...args: string[]) =>
    troupe([...args, "--url", url, "--namespace", bus.namespace]);
  const shows = async () => (await here("tasks", "show", "q1")).stdout;
  const command = /^send by +\S+ \S+ signal q1 approval JSON$/m;
  await eventually(async () => command.test(await shows()));
  assert.doesNotMatch(await shows(), /signal q1 nothing/);
  const mistyped = await here("signal", "q1", "aproval", "1");
  assert.match(mistyped.stderr, /not wait for that now, but for "approval"/);
  await here("signal", "q1", "approval", '"yes"');
  const refused = /^refused +at .*signal "approval" \(.*expected object/m;
  await eventually(async () => refused.test(await shows()));
  assert.match(await shows(), command);
  await here("signal", "q1", "approval", '{"ok":true}');
  assert.deepEqual(await task.result(), { ok: true });
});

// What people are shown of a task whose worker was killed, as long as the server still waits for that one.
import assert from "node:assert/strict";
import { test } from "node:test";
import { troupe } from "../cli/command.js";
import { childWorker } from "../support/child-worker.js";
import { quiet } from "../support/doer.js";
import { eventually } from "../support/eventually.js";
import { sharedServer } from "../support/shared-server.js";

const shared = sharedServer();
const second = String.raw`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d`;

test("tasks show says of a task whose worker was killed that it is gone, and when it was last heard of", async (t) => {
  const bus = await shared.connect(t);
  const place = { url: bus.url, namespace: bus.namespace, ackWait: "60s" };
  const show = async (...args: string[]) => {
    const words = ["tasks", "show", "t", ...args, "--namespace", bus.namespace];
    return troupe(words, { url: bus.url });
  };
  const shows = (pattern: RegExp) =>
    eventually(async () => pattern.test((await show()).stdout), {
      what: String(pattern),
      timeoutMs: 30_000,
    });
  await using worker = await childWorker({ ...place, ackWait: "60s" });
  await bus.submit("child.slow", 60_000, { id: "t" });
  await eventually(() => worker.started.includes("t"));
  const running = (await show()).stdout;
  assert.match(running, /^No events yet: its first attempt runs\.$/m);
  assert.doesNotMatch(running, /^worker/m);

  worker.signal("SIGKILL");
  await shows(
    /^worker +none: no instance of "child" lives in lane "main"; the next that starts gets the task; if one had it that has died, when the server has waited for it as long as its ackWait$/m,
  );
  assert.match(
    (await show()).stdout,
    /^No events yet: its first attempt has begun\.$/m,
  );

  await bus.orchestrate(quiet);
  await using other = await childWorker({ ...place, ackWait: "60s" });
  await using third = await childWorker({ ...place, ackWait: "60s" });
  await shows(
    /^worker +may be gone: no instance of "child" that lives had a task in hand when it was last heard of; if one /m,
  );
  other.signal("SIGKILL");
  await shows(
    new RegExp(
      `^worker +may be gone: instance \\S+ was last heard of at ${second}; if one had it that has died, another gets it when `,
      "m",
    ),
  );
  const { objects } = await show("--json");
  const workers = objects[0]?.["workers"] as {
    living: number;
    lost: { heardAt: string }[];
  };
  assert.equal(workers.living, 1);
  assert.ok(Date.parse(workers.lost[0]!.heardAt) < Date.now());
  assert.deepEqual(third.started, []);
});

test("of a later attempt, which names its worker, tasks show says the same of that one", async (t) => {
  const bus = await shared.connect(t);
  const { url, namespace } = bus;
  const place = { url, namespace, ackWait: "1s" } as const;
  await using first = await childWorker(place);
  await bus.submit("child.slow", 60_000, { id: "t" });
  await eventually(() => first.started.includes("t"));
  first.signal("SIGKILL");
  await using second = await childWorker(place);
  await eventually(() => second.started.includes("t"), { timeoutMs: 30_000 });
  const show = async () => {
    const words = ["tasks", "show", "t", "--namespace", namespace];
    return (await troupe(words, { url })).stdout;
  };
  const running = await show();
  assert.match(running, /attempt 2 by \S+/);
  assert.doesNotMatch(running, /^worker/m);
  second.signal("SIGKILL");
  await eventually(
    async () =>
      /^worker +gone: instance \S+ was not heard of for 4s or longer; the next that starts gets the task when /m.test(
        await show(),
      ),
    { timeoutMs: 30_000 },
  );
});

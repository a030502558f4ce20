// Ids belong to an agent: two agents may each have a task of the same id, and neither gets in the other's way.
import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { agent, refuse, skill } from "../../../index.js";
import { eventually } from "../../support/eventually.js";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();
const quiet = { signals: false } as const;

const named = (name: string) =>
  agent(name, {
    skills: {
      say: skill({
        description: "Says who it is, or fails",
        input: z.enum(["name", "refuse", "fail"]),
        retry: { first: "2m" },
        run(input) {
          if (input === "refuse") throw refuse("no use");
          if (input === "fail") throw new Error("later");
          return name;
        },
      }),
    },
  });
const one = named("one");
const two = named("two");

test("each caller gets the result of its own agent", async (t) => {
  const bus = await shared.connect(t);
  await Promise.all([one, two].map((each) => bus.serve(each, quiet)));
  const id = "order-7";
  assert.deepEqual(
    await Promise.all([
      bus.call(one.skills.say, "name", { id }),
      bus.call(two.skills.say, "name", { id }),
    ]),
    ["one", "two"],
  );
});

test("each has a dead letter of its own", async (t) => {
  const bus = await shared.connect(t);
  await Promise.all([one, two].map((each) => bus.serve(each, quiet)));
  const results = [one, two].map(({ skills }) =>
    bus.call(skills.say, "refuse", { id: "order-7" }),
  );
  await Promise.allSettled(results);
  const agents: string[] = [];
  for await (const letter of bus.deadLetters()) agents.push(letter.agent);
  assert.deepEqual(agents.sort(), ["one", "two"]);
});

test("each has a timer of its own, for a delay and for a retry that is far off", async (t) => {
  const bus = await shared.connect(t);
  const link = await shared.link(t);
  await Promise.all([one, two].map((each) => bus.serve(each, quiet)));
  for (const { skills } of [one, two]) {
    const delayed = await bus.submit(skills.say, "name", {
      id: "later",
      delay: "1h",
    });
    assert.equal(delayed.duplicate, false);
    await bus.submit(skills.say, "fail", { id: "again" });
  }
  const timers = async () =>
    (await link.jsm.streams.info(link.subjects.streams.timers)).state.messages;
  await eventually(async () => (await timers()) === 4);
});

test("canceling one leaves the other", async (t) => {
  const bus = await shared.connect(t);
  const first = await bus.submit(one.skills.say, "name", { id: "c1" });
  const second = await bus.submit(two.skills.say, "name", { id: "c1" });
  assert.equal(await second.cancel(), true);
  assert.equal(await first.state(), "submitted");
  assert.equal(await second.state(), "canceled");
});

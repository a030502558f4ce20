// How an orchestrator keeps up with the log without taking much from the tasks.
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { Publisher } from "../../../bus/streams/publisher.js";
import { Recorder } from "../../../bus/tasks/recorder.js";
import { ensureStreams } from "../../../bus/streams/streams.js";
import { Following } from "../../../orchestrator/view/following.js";
import { eventually } from "../../support/eventually.js";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();

async function opened(t: TestContext, window: number, restMs: number) {
  const link = await shared.link(t);
  await ensureStreams(link);
  const recorder = new Recorder(link, new Publisher(link));
  let count = 0;
  const endTasks = (howMany: number) =>
    Promise.all(
      Array.from({ length: howMany }, () =>
        recorder.completed(
          {
            agent: "doer",
            taskId: `t${count++}`,
            origin: "-",
            params: undefined,
          },
          "ok",
          {
            contentType: "msgpack",
            attempt: 1,
            sender: "test",
            context: undefined,
          },
        ),
      ),
    );
  const pace = { restAbove: 100, restMs };
  const following = await Following.open(
    link,
    window,
    () => assert.fail("the log was not replaced"),
    pace,
  );
  t.after(() => following.stop());
  const ids = () =>
    [...following.projection.oldestFirst()].map(({ key }) => key);
  /** So much goes on that it rests, and what it has not read grows. */
  const untilItRests = async () => {
    await eventually(async () => {
      await endTasks(150);
      return following.rests;
    });
    await endTasks(50);
  };
  return { following, endTasks, untilItRests, ids, total: () => count };
}

test("it rests while much goes on, and who asks gets all the same everything that came", async (t) => {
  const { following, untilItRests, ids, total } = await opened(
    t,
    100_000,
    60_000,
  );
  await untilItRests();
  assert.ok(ids().length < total());
  const upToDate = await following.upToDate();
  assert.equal(upToDate?.standing().behind, 0);
  assert.equal(ids().length, total());
  assert.equal(following.rests, false);
});

test("what left the window while it rested is not read, and the view is that of a fresh fold", async (t) => {
  const { following, endTasks, untilItRests, ids, total } = await opened(
    t,
    200,
    60_000,
  );
  await untilItRests();
  await endTasks(1_000);
  const asked = [following.upToDate(), following.upToDate()];
  for (const upToDate of await Promise.all(asked))
    assert.deepEqual(upToDate?.standing(), {
      from: total() - 199,
      to: total(),
      behind: 0,
    });
  assert.equal(ids().length, 200);
  await endTasks(10);
  await following.upToDate();
  assert.equal(following.projection.to, total());
});

test("when less goes on it follows again by itself", async (t) => {
  const { following, untilItRests, ids, total } = await opened(
    t,
    100_000,
    1_000,
  );
  await untilItRests();
  await eventually(() => !following.rests && ids().length === total());
});

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
  let listeners = 0;
  const onReconnect = link.onReconnect.bind(link);
  link.onReconnect = (listener) => {
    const forget = onReconnect(listener);
    listeners++;
    return () => {
      listeners--;
      forget();
    };
  };
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
  const before = listeners;
  let cuts = 0;
  const following = new Following(link, window, () => cuts++, pace);
  await following.open();
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
  return {
    link,
    following,
    endTasks,
    untilItRests,
    ids,
    total: () => count,
    cuts: () => cuts,
    /** Feeds that would go on after a reconnect. */
    feeds: () => listeners - before,
  };
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
  const { following, endTasks, untilItRests, ids, total, ...rest } =
    await opened(t, 200, 60_000);
  await untilItRests();
  await endTasks(1_000);
  const before = following.projection;
  const asked = [following.upToDate(), following.upToDate()];
  for (const upToDate of await Promise.all(asked)) {
    assert.deepEqual(upToDate?.standing(), {
      from: total() - 199,
      to: total(),
      behind: 0,
    });
    assert.equal(upToDate.projection, following.projection);
  }
  assert.notEqual(following.projection, before, "nothing of before was kept");
  assert.equal(rest.feeds(), 1);
  assert.equal(ids().length, 200);
  await endTasks(10);
  await following.upToDate();
  assert.equal(following.projection.to, total());
  assert.equal(rest.cuts(), 0);
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

test("what is further away than the window is left until somebody asks", async (t) => {
  const { following, endTasks, untilItRests } = await opened(t, 200, 500);
  await untilItRests();
  await endTasks(1_000);
  const begun = performance.now();
  await eventually(() => performance.now() > begun + 2_500);
  assert.equal(following.rests, true);
  assert.equal((await following.upToDate())?.standing().behind, 0);
});

test("while somebody asks now and then it does not rest, however much goes on", async (t) => {
  const { following, endTasks } = await opened(t, 100_000, 60_000);
  await following.upToDate();
  const begun = performance.now();
  while (performance.now() < begun + 2_500) {
    await endTasks(150);
    assert.equal(following.rests, false);
  }
});

test("what the log has dropped is not told, neither of before nor of what was folded", async (t) => {
  const { link, following, endTasks, ids } = await opened(t, 100_000, 60_000);
  await endTasks(30);
  await following.upToDate();
  const { events } = link.subjects.streams;
  await link.jsm.streams.purge(events, { seq: 11 });
  const upToDate = await following.upToDate();
  assert.deepEqual(upToDate?.standing(), { from: 11, to: 30, behind: 0 });
  assert.equal(ids().length, 20);
  const later = new Following(link, 100_000, () => undefined);
  await later.open();
  t.after(() => later.stop());
  assert.equal(later.projection.from, 11);
});

test("a log that was replaced while it rested is told of", async (t) => {
  const { link, untilItRests, cuts } = await opened(t, 100_000, 1_000);
  await untilItRests();
  await link.jsm.streams.delete(link.subjects.streams.events);
  await ensureStreams(link);
  await eventually(() => cuts() > 0);
});

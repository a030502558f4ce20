// A replica that lags behind answers reads like any other. What a task must not miss is not asked of it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { connect as dial } from "@nats-io/transport-node";
import { Link } from "../../bus/connection/connection.js";
import { endOf, pendingTask } from "../../bus/history/history.js";
import { timerOf } from "../../bus/journal/parking.js";
import { readSignals, storeSignal } from "../../bus/journal/signals.js";
import { Publisher } from "../../bus/streams/publisher.js";
import { Recorder } from "../../bus/tasks/recorder.js";
import { schedule } from "../../bus/tasks/timers.js";
import { connect } from "../../index.js";
import { encodeHeaders } from "../../protocol/headers.js";
import { noOrigin } from "../../protocol/subjects.js";
import { testCluster } from "../support/cluster.js";
import { eventually } from "../support/eventually.js";

const namespace = "troupe";
const rounds = 16;

test("signals, timers, ends and waiting tasks that are stored are seen through a replica that was frozen meanwhile", async (t) => {
  const cluster = await testCluster();
  t.after(() => cluster.stop());
  const bus = await connect({ url: cluster.url, durability: "quorum" });
  t.after(() => bus.close());
  const links = await Promise.all(
    cluster.url
      .split(",")
      .map((url) => Link.open({ url, namespace, timeoutMs: 30_000 })),
  );
  t.after(() => Promise.all(links.map((link) => link.close())));
  const lagging = await whoLeadsNone(cluster.url, links);
  const through = links[lagging]!;
  const by = links[(lagging + 1) % cluster.size]!;
  for (const link of links) link.replicas = cluster.size;
  await cluster.settled();
  for (let round = 0; round < rounds; round++) {
    const task = { agent: "a", taskId: `t${round}` };
    cluster.signal(lagging, "SIGSTOP");
    await wait(50);
    await cause(by, task);
    const seen = Promise.all([
      readSignals(through, task),
      timerOf(through, task),
      endOf(through, task.taskId, task.agent),
      pendingTask(through, task.taskId, task.agent),
    ]);
    await wait(100);
    cluster.signal(lagging, "SIGCONT");
    const [signals, ...others] = await seen;
    assert.deepEqual(
      [signals.length, ...others.map((each) => each !== undefined)],
      [1, true, true, true],
      `round ${round}`,
    );
  }
});

/** One that can be frozen while the streams are written to. */
async function whoLeadsNone(url: string, links: Link[]): Promise<number> {
  const { jsm, subjects } = links[0]!;
  const { journal, timers, events } = subjects.streams;
  const connection = await dial({ servers: url.split(",") });
  try {
    const free = await eventually(
      async () => {
        const infos = await Promise.all(
          [journal, timers, events].map((name) => jsm.streams.info(name)),
        );
        const leading = infos.map(({ cluster }) => cluster?.leader);
        const at = links.findIndex((_, n) => !leading.includes(`n${n}`));
        if (at >= 0 && !leading.includes(undefined)) return { at };
        await connection.request(`$JS.API.STREAM.LEADER.STEPDOWN.${events}`);
        return undefined;
      },
      { timeoutMs: 60_000, what: "a server that leads none of the streams" },
    );
    return free!.at;
  } finally {
    await connection.close();
  }
}

async function cause(link: Link, task: { agent: string; taskId: string }) {
  const publisher = new Publisher(link);
  await storeSignal(link, publisher, task, { name: "go", value: 1 });
  const address = { level: "normal", lane: "main", skill: "s" } as const;
  await schedule(link, publisher, {
    ...task,
    dueAt: link.clock.now() + 3_600_000,
    target: link.subjects.task({ ...address, ...task }),
    headers: {},
    body: encodeHeaders({}),
  });
  const subject = { ...task, origin: noOrigin, params: undefined };
  const facts = { contentType: "msgpack", attempt: 1, sender: "x" } as const;
  const more = { ...facts, context: undefined };
  await new Recorder(link, publisher).completed(subject, 1, more);
}

import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import type { Change } from "../../../bus/buckets/bucket.js";
import { agentEvents } from "../../../bus/history/agent-events.js";
import { Publisher } from "../../../bus/streams/publisher.js";
import { Registry } from "../../../bus/registry/registry.js";
import { agent, skill, type Bus, type InstanceCard } from "../../../index.js";
import type { AgentEvent } from "../../../protocol/agent-events.js";
import { digestOf } from "../../../protocol/card.js";
import { childWorker } from "../../support/child-worker.js";
import { quiet } from "../../support/doer.js";
import { eventually } from "../../support/eventually.js";
import { sharedServer } from "../../support/shared-server.js";
import { echo, writer } from "../../support/writer.js";
import { toCard } from "../../../workers/agent.js";

const shared = sharedServer();

test("the card of a served agent says its skills with the schemas of what they take and give", async (t) => {
  const bus = await shared.connect(t);
  await bus.serve(writer, quiet);
  const [card] = await (await shared.connect(t)).agents();
  assert.equal(card?.name, "writer");
  assert.equal(card.version, "1.2.3");
  assert.equal(card.skills[0]?.id, "echo");
  const { inputSchema, outputSchema } = card.skills[0];
  assert.deepEqual(inputSchema["required"], ["text"]);
  assert.equal(outputSchema?.["type"], "string");
});

test("an instance is seen while it serves and gone when it has drained; its card stays", async (t) => {
  const bus = await shared.connect(t);
  const worker = await bus.serve(writer, { ...quiet, concurrency: 3 });
  const watcher = await shared.connect(t);
  const [seen] = await watcher.instances("writer");
  assert.equal(seen?.instance, worker.instance);
  assert.deepEqual(
    [seen.concurrency, seen.running, seen.state, seen.pid],
    [3, 0, "ready", process.pid],
  );
  assert.deepEqual(await watcher.instances("other"), []);
  await worker.drain();
  assert.deepEqual(await watcher.instances(), []);
  assert.equal((await watcher.agents()).length, 1);
});

test("agents whose names hold spaces, dots, wildcards and letters of any script can be served and called", async (t) => {
  const bus = await shared.connect(t);
  const names = ["my agent", "a.b", "*", "a>b~c", "схема", "x=y/z"];
  for (const name of names) {
    const odd = agent(name, { skills: { echo } });
    await bus.serve(odd, quiet);
    assert.equal(await bus.call(odd.skills.echo, { text: name }), name);
    assert.equal(await bus.call(`${name}.echo`, { text: name }), name);
    assert.equal(await bus.ask(odd.skills.echo, { text: name }), name);
  }
  const cards = await bus.agents();
  assert.deepEqual(cards.map((card) => card.name).sort(), names.sort());
  assert.equal((await bus.instances()).length, names.length);
});

test("an instance killed by -9 goes away by itself within seconds, and watchers are told that it died", async (t) => {
  const link = await shared.link(t);
  const registry = new Registry(link, new Publisher(link));
  const gone: Change<InstanceCard>[] = [];
  const watching = await registry.living.watch(">", (change) => {
    if (!change.entry) gone.push(change);
  });
  t.after(() => watching.stop());
  const { url } = shared.server;
  const namespace = shared.namespaceOf(t);
  await using dies = await childWorker({ url, namespace });
  await using stays = await childWorker({ url, namespace });
  await eventually(async () => (await registry.instances()).length === 2);
  const killedAt = Date.now();
  dies.signal("SIGKILL");
  await eventually(() => gone.length > 0, { timeoutMs: 20_000 });
  const noticedMs = Date.now() - killedAt;
  t.diagnostic(`noticed after ${noticedMs} ms`);
  assert.ok(noticedMs < 8_000, `it took ${noticedMs} ms`);
  assert.equal(gone[0]?.expired, true);
  const [left] = await registry.instances();
  assert.equal(left?.pid, stays.pid);
});

test("a heartbeat carries load, latency, labels and what the instance can do", async (t) => {
  const bus = await shared.connect(t);
  const eu = agent("writer", { labels: { region: "eu" }, skills: { echo } });
  const options = { ...quiet, labels: { tier: "gold" }, weight: 3 };
  await bus.serve(eu, options);
  await bus.call(eu.skills.echo, { text: "hi" });
  const seen = await eventually(async () =>
    (await bus.instances("writer")).find(({ done }) => done === 1),
  );
  assert.ok(seen);
  assert.deepEqual(seen.labels, { region: "eu", tier: "gold" });
  assert.deepEqual([seen.weight, seen.skills], [3, ["echo"]]);
  assert.ok(seen.latencyMs! > 0);
  const [card] = await bus.agents();
  assert.deepEqual(card?.labels, { region: "eu" });
  assert.equal(seen.card, digestOf(card));
});

test("labels and weights that are none are refused", async (t) => {
  const bus = await shared.connect(t);
  const wrong = [
    { labels: { region: 5 } as unknown as Record<string, string> },
    { weight: -1 },
    { weight: Number.NaN },
  ];
  for (const options of wrong)
    await assert.rejects(bus.serve(writer, { ...quiet, ...options }), {
      code: "ARGUMENT_INVALID",
    });
});

const shout = skill({
  description: "Says it loudly",
  input: z.object({ text: z.string() }),
  run: ({ text }) => text.toUpperCase(),
});

const skillsOf = async (bus: Bus) =>
  (await bus.agents()).flatMap(({ skills }) => skills.map(({ id }) => id));

test("the card of the newest version that lives is the lane's card, whoever starts last", async (t) => {
  const bus = await shared.connect(t);
  const newer = agent("writer", { version: "2.0.0", skills: { shout } });
  const first = await bus.serve(newer, quiet);
  const old = await bus.serve(writer, quiet);
  assert.deepEqual(await skillsOf(bus), ["shout"]);
  await first.drain();
  await eventually(async () => (await skillsOf(bus))[0] === "echo", {
    timeoutMs: 30_000,
  });
  await old.drain();
  assert.deepEqual(await skillsOf(bus), ["echo"], "the last card stays");
});

test("of instances of one version that differ in their skills, the last to start gives the card, and says so", async (t) => {
  const link = await shared.link(t);
  const registry = new Registry(link, new Publisher(link));
  const bus = await shared.connect(t);
  await bus.serve(writer, quiet);
  const other = agent("writer", { version: "1.2.3", skills: { shout } });
  const { conflict } = await registry.announce(toCard(other));
  assert.equal(conflict?.skills[0]?.id, "echo");
  assert.deepEqual(await skillsOf(bus), ["shout"]);

  const third = agent("writer", {
    version: "1.2.3",
    skills: { shout, murmur: echo },
  });
  const late = await bus.serve(third, quiet);
  const conflicts = async () => {
    const found: AgentEvent[] = [];
    for await (const event of agentEvents(link, { agent: "writer" }))
      if (event.kind === "card-conflict") found.push(event);
    return found;
  };
  const fourth = agent("writer", { version: "1.2.3", skills: { echo, shout } });
  const last = await bus.serve(fourth, quiet);
  const event = (await conflicts()).at(-1);
  assert.equal(event?.instance, last.instance);
  assert.deepEqual(event.data["skills"], ["echo", "shout"]);
  assert.deepEqual(event.data["otherSkills"], ["shout", "murmur"]);
  assert.notEqual(late.instance, last.instance);
});

test("of many that start at once, the newest version's card is the one that is left", async (t) => {
  const bus = await shared.connect(t);
  const versions = ["1.0.0", "1.9.0", "1.10.0", "1.2.0"];
  await Promise.all(
    versions.map((version) =>
      bus.serve(agent("writer", { version, skills: { echo } }), quiet),
    ),
  );
  const newest = async () => (await bus.agents())[0]?.version === "1.10.0";
  await eventually(newest, { timeoutMs: 30_000 });
});

test("what others put into the bucket and is no card is passed over", async (t) => {
  const bus = await shared.connect(t);
  const link = await shared.link(t);
  assert.deepEqual(await bus.agents(), []);
  const bucket = `$KV.${link.subjects.buckets.agents}`;
  await link.js.publish(`${bucket}.card.odd.main`, "garbage");
  const instances = `$KV.${link.subjects.buckets.instances}`;
  await link.js.publish(`${bucket}.instance.odd.one`, "{}");
  assert.deepEqual(await bus.instances(), []); // makes their bucket
  await link.js.publish(`${instances}.odd.one`, "{}");
  assert.deepEqual(await bus.agents(), []);
  assert.deepEqual(await bus.instances(), []);
});

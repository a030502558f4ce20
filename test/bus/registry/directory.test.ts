import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { Directory } from "../../../bus/registry/directory.js";
import { Publisher } from "../../../bus/streams/publisher.js";
import { Registry } from "../../../bus/registry/registry.js";
import { z } from "zod";
import {
  agent,
  connect,
  skill,
  type AgentChange,
  type Bus,
} from "../../../index.js";
import { childWorker } from "../../support/child-worker.js";
import { eventually } from "../../support/eventually.js";
import { testServer } from "../../support/server.js";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();
const quiet = { signals: false } as const;
const does = (description: string, tags: string[] = []) =>
  skill({ description, tags, input: z.any(), run: (input: unknown) => input });
const writer = agent("writer", {
  version: "1.2.0",
  description: "Writes",
  labels: { team: "words" },
  skills: {
    headline: does("A headline for a text", ["title"]),
    summarize: does("Condenses a text", ["shorten"]),
  },
});
const weather = agent("weather", {
  version: "3.0.0",
  skills: { forecast: does("Tells whether it will rain", ["rain"]) },
});

/** What a watcher hears, in short; ends with the connection. */
function listen(bus: Bus, heard: string[]): void {
  void (async () => {
    for await (const change of bus.watchAgents()) heard.push(inShort(change));
  })();
}

const inShort = ({ kind, agent: name, lane }: AgentChange): string =>
  `${kind} ${name}/${lane}`;

test("agents are discovered by name, skill, tag, version, label and words", async (t) => {
  const bus = await shared.connect(t);
  await bus.serve(writer, { ...quiet, labels: { region: "eu" } });
  await bus.serve(weather, quiet);
  const caller = await shared.connect(t);
  const found = async (filter: Parameters<Bus["discover"]>[0]) =>
    (await caller.discover(filter)).flatMap(({ agent: name, skills }) =>
      skills.map(({ id }) => `${name}.${id}`),
    );
  await eventually(
    async () => (await caller.discover())[1]?.instances.length === 1,
  );
  assert.deepEqual((await found({})).sort(), [
    "weather.forecast",
    "writer.headline",
    "writer.summarize",
  ]);
  const headline = ["writer.headline"];
  const forecast = ["weather.forecast"];
  assert.deepEqual(await found({ agent: "weather" }), forecast);
  assert.deepEqual(await found({ skill: "headline" }), headline);
  assert.deepEqual(await found({ tag: "title" }), headline);
  assert.deepEqual(await found({ version: "^3" }), forecast);
  assert.deepEqual(await found({ labels: { region: "us" } }), []);
  assert.deepEqual(
    await found({ labels: { region: "eu", team: "words" }, tag: "shorten" }),
    ["writer.summarize"],
  );
  assert.equal((await found({ text: "is there rain today?" }))[0], forecast[0]);
  assert.equal(
    (await found({ text: "shorten this text" }))[0],
    "writer.summarize",
  );
  const [best] = await caller.discover({ text: "a headline" });
  assert.ok(best!.score! > 0 && best!.score! <= 1);
  assert.equal(best!.instances.length, 1);
  await assert.rejects(caller.discover({ version: "new" }), {
    code: "ARGUMENT_INVALID",
  });
});

test("watchers hear what is there, and then announcements, changes and goodbyes, without anybody's restart", async (t) => {
  const bus = await shared.connect(t);
  await bus.serve(writer, quiet);
  const heard: string[] = [];
  listen(await shared.connect(t), heard);
  // Beside these there may be news of how instances fare.
  const hears = (...news: string[]) =>
    eventually(() => news.every((each) => heard.includes(each)), {
      what: news.join(" and "),
    });
  await hears("announced writer/main", "joined writer/main");
  heard.length = 0;

  const rain = await bus.serve(weather, quiet);
  await hears("announced weather/main", "joined weather/main");
  assert.ok(!heard.includes("announced writer/main"));
  heard.length = 0;

  await rain.drain();
  await eventually(() => heard.includes("left weather/main"));
  heard.length = 0;

  await assert.rejects(bus.forgetAgent("writer"), { code: "CONFLICT" });
  await assert.rejects(bus.forgetAgent("nobody"), { code: "AGENT_UNKNOWN" });
  assert.equal((await bus.forgetAgent("weather")).name, "weather");
  await eventually(() => heard.includes("withdrawn weather/main"));
  assert.deepEqual(
    (await bus.agents()).map(({ name }) => name),
    ["writer"],
  );
  heard.length = 0;

  const skills = { headline: does("Another headline") };
  const newer = agent("writer", { version: "2.0.0", skills });
  await bus.serve(newer, quiet);
  await eventually(() => heard.includes("updated writer/main"));
});

test("a watcher hears of the death of an instance that was killed, and the others stay", async (t) => {
  const { url } = shared.server;
  const namespace = shared.namespaceOf(t);
  const heard: string[] = [];
  const bus = await shared.connect(t);
  await bus.serve(writer, quiet);
  await using child = await childWorker({ url, namespace });
  listen(await shared.connect(t), heard);
  await eventually(() => heard.includes("joined child/main"));
  child.signal("SIGKILL");
  await eventually(() => heard.includes("died child/main"), {
    timeoutMs: 20_000,
  });
  assert.ok(!heard.includes("left child/main"));
  await eventually(async () => {
    const [left] = await bus.discover({ agent: "writer" });
    return left?.instances.length === 1;
  });
});

test("a directory is right again after the server was killed and came back", async (t) => {
  const server = await testServer();
  t.after(() => server.stop());
  const bus = await connect({ url: server.url });
  const caller = await connect({ url: server.url });
  t.after(() => Promise.all([bus.close(), caller.close()]));
  const rain = await bus.serve(weather, quiet);
  const living = async () =>
    (await caller.discover()).map(
      ({ agent: name, instances }) => `${name} ${instances.length}`,
    );
  await eventually(async () => (await living())[0] === "weather 1");
  await server.kill();
  await server.restart();
  const fresh = await connect({ url: server.url });
  t.after(() => fresh.close());
  await fresh.serve(writer, quiet);
  await rain.drain();
  await eventually(
    async () => (await living()).join() === "weather 0,writer 1",
    { timeoutMs: 30_000 },
  );
});

test("what is no card, or speaks of another instance than it stands for, is passed over", async (t) => {
  const directory = await directoryOf(t);
  const link = await shared.link(t);
  const { instances, agents } = link.subjects.buckets;
  const bus = await shared.connect(t);
  await bus.serve(writer, quiet);
  const [card] = await bus.instances();
  await link.js.publish(`$KV.${instances}.writer.other`, JSON.stringify(card));
  await link.js.publish(`$KV.${agents}.card.odd.main`, "garbage");
  await bus.serve(weather, quiet);
  await eventually(() => directory.lane("weather", "main")?.ready.length === 1);
  assert.deepEqual(
    [...directory.lanes()].map((lane) => [lane.agent, lane.ready.length]),
    [
      ["writer", 1],
      ["weather", 1],
    ],
  );
});

test("an instance that falls silent is gone, also where the server's word of it was missed", async (t) => {
  const directory = await directoryOf(t);
  const link = await shared.link(t);
  const bus = await shared.connect(t);
  await bus.serve(writer, quiet);
  const heard: string[] = [];
  directory.onChange(({ kind, agent: name }) => heard.push(`${kind} ${name}`));
  const [living] = await bus.instances();
  const registry = new Registry(link, new Publisher(link));
  await registry.heartbeat({ ...living!, agent: "ghost" });
  await eventually(() => heard.includes("joined ghost"));
  // Its only heartbeat is taken away, not marked: what is lost while the connection is away looks like that.
  const stream = `KV_${link.subjects.buckets.instances}`;
  const stored = await link.jsm.direct.getMessage(stream, {
    last_by_subj: `$KV.${link.subjects.buckets.instances}.ghost.*`,
  });
  await link.jsm.streams.deleteMessage(stream, stored!.seq);
  await eventually(() => heard.includes("died ghost"), { timeoutMs: 30_000 });
  assert.ok(!heard.includes("died writer"));
});

async function directoryOf(t: TestContext): Promise<Directory> {
  const link = await shared.link(t);
  const directory = new Directory(
    link,
    new Registry(link, new Publisher(link)),
  );
  await directory.open();
  return directory;
}

import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { z } from "zod";
import { agent, connect, skill } from "../../index.js";
import { quiet } from "../support/doer.js";
import type { Bus } from "../../troupe.js";
import { eventually } from "../support/eventually.js";
import { testServer, type TestServer } from "../support/server.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { demoFolder, start, troupe, type Running } from "./command.js";

let server: TestServer;
let bus: Bus;

before(async () => {
  server = await testServer();
  bus = await connect({ url: server.url });
});
after(async () => {
  await bus.close();
  await server.stop();
});

const demo = (name: string) => join(demoFolder, `${name}.js`);

async function working(...args: string[]): Promise<Running> {
  const worker = start(["work", ...args, "--json"], { url: server.url });
  assert.match((await worker.line()) ?? "", /"serving"/);
  return worker;
}

/** A task that is in hand now. */
async function inHand(to: number) {
  const task = await bus.submit("counter.count", { to, everyMs: 50 });
  for await (const event of task.events())
    if (event.kind === "progress") return task;
  throw new Error("the task ended too soon");
}

describe("work", () => {
  test("serves every agent of every module, and stops on SIGTERM", async () => {
    const worker = await working(
      demo("writer"),
      demo("weather"),
      "--concurrency=3",
      "--label=region=eu,tier=gold",
      "--weight=2.5",
    );
    await eventually(async () => (await bus.instances()).length === 2);
    const [first] = await bus.instances("writer");
    assert.equal(first?.concurrency, 3);
    assert.deepEqual(first.labels, { region: "eu", tier: "gold" });
    assert.equal(first.weight, 2.5);
    assert.deepEqual(await bus.call("writer.headline", { text: "a b" }), {
      headline: "A B",
    });
    worker.child.kill("SIGTERM");
    const { code, stderr } = await worker.ended;
    assert.equal(code, 0);
    assert.equal(stderr, "");
    assert.equal((await bus.instances()).length, 0);
  });

  for (const signal of ["SIGTERM", "SIGINT"] as const)
    test(`finishes what it has in hand on ${signal} and exits 0`, async () => {
      const worker = await working(demo("counter"));
      const task = await inHand(12);
      worker.child.kill(signal);
      const { counted } = (await task.result()) as { counted: number };
      assert.equal(counted, 12);
      const { code, objects } = await worker.ended;
      assert.equal(code, 0);
      assert.equal(objects.at(-1)?.["completed"], 1);
      assert.equal((await bus.find(task.id))?.attempts, 1);
    });

  test("a second signal ends it at once, and the task goes to another", async () => {
    const worker = await working(demo("counter"), "--ack-wait", "1s");
    const task = await inHand(40);
    worker.child.kill("SIGINT");
    // Two signals that come too close together are one.
    await eventually(() => {
      worker.child.kill("SIGINT");
      return worker.child.exitCode !== null || worker.child.signalCode !== null;
    });
    // A signal that comes when it is already on its way out ends it as well: 130 for whoever runs it, either way.
    if (worker.child.signalCode === null)
      assert.equal((await worker.ended).code, 130);
    else assert.equal(worker.child.signalCode, "SIGINT");
    const other = await working(demo("counter"), "--ack-wait", "1s");
    await task.result({ timeout: "20s" });
    assert.equal((await bus.find(task.id))?.attempts, 2);
    other.child.kill("SIGTERM");
    await other.ended;
  });

  test("takes only what is submitted to its lane", async () => {
    const args = ["work", demo("writer"), "--lane", "blue"];
    const worker = start(args, { url: server.url });
    assert.match((await worker.line())!, /^serving writer {2}lane blue {2}/);
    const main = await bus.submit("writer.headline", { text: "main" });
    const blue = await bus.submit(
      "writer.headline",
      { text: "blue" },
      { lane: "blue" },
    );
    await blue.result();
    assert.equal(await main.state(), "submitted");
    await main.cancel();
    worker.child.kill("SIGTERM");
    assert.equal((await worker.ended).code, 0);
  });

  test("says who else serves an agent of this name, where that is another", async (t) => {
    const writer = agent("writer", {
      version: "0.1.0",
      skills: {
        headline: skill({
          description: "Shouts",
          input: z.object({ text: z.string() }),
          run: ({ text }) => text.toUpperCase(),
        }),
      },
    });
    const other = await bus.serve(writer, quiet);
    t.after(() => other.drain());
    const first = start(["work", demo("writer")], { url: server.url });
    const [said] = (await once(first.child.stderr!, "data")) as [Buffer];
    assert.equal(
      String(said),
      `note: "writer" is also served by pid ${process.pid} (version 0.1.0): its tasks go to either\n`,
    );
    await other.drain();
    const second = start(["work", demo("writer")], { url: server.url });
    await second.line();
    for (const worker of [first, second]) worker.child.kill("SIGTERM");
    await first.ended;
    assert.equal((await second.ended).stderr, "stopping\n");
  });

  test("a module that cannot be loaded, or exports no agent, exits 2", async (context) => {
    const folder = await temporaryDirectory(context);
    const broken = join(folder, "broken.mjs");
    const empty = join(folder, "empty.mjs");
    await writeFile(broken, `throw new Error("no key in the environment");`);
    await writeFile(empty, "export const answer = 42;");
    const results: [string[], RegExp][] = [
      [[broken], /cannot be loaded: no key in the environment/],
      [[empty], /exports no agent/],
      [[demo("writer"), demo("writer")], /both export an agent "writer"/],
    ];
    for (const [files, message] of results) {
      const { code, stderr } = await troupe(["work", ...files], {
        url: server.url,
      });
      assert.equal(code, 2);
      assert.match(stderr, message);
      assert.match(stderr, /^error ARGUMENT_INVALID: [^\n]*\n$/);
    }
  });
});

test("a worker whose bus is gone still stops", async () => {
  const gone = await testServer();
  const worker = start(["work", demo("writer"), "--json"], { url: gone.url });
  assert.match((await worker.line()) ?? "", /"serving"/);
  await gone.stop();
  worker.child.kill("SIGTERM");
  const { code } = await worker.ended;
  assert.equal(code, 0);
});

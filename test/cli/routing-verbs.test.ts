// What the command line has for finding agents and asking why a task would go where.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { z } from "zod";
import { agent, connect, skill, type Bus } from "../../index.js";
import { testServer, type TestServer } from "../support/server.js";
import { troupe } from "./command.js";

const summarize = skill({
  description: "Condenses a text to its main points",
  tags: ["shorten", "shorter"],
  input: z.any(),
  run: () => "short",
});
const text = agent("text", {
  version: "2.1.0",
  labels: { region: "eu" },
  skills: { summarize },
});
const old = agent("old", { version: "1.4.0", skills: { summarize } });

describe("finding agents", () => {
  let server: TestServer;
  let bus: Bus;
  before(async () => {
    server = await testServer();
    bus = await connect({ url: server.url });
    for (const each of [text, old]) await bus.serve(each, { signals: false });
  });
  after(async () => {
    await bus.close();
    await server.stop();
  });
  const run = (...args: string[]) => troupe(args, { url: server.url });

  test("agents find lists what fits words, tags, versions and labels, the best first", async () => {
    const { code, stdout } = await run("agents", "find", "make it shorter");
    assert.equal(code, 0);
    assert.match(
      stdout,
      /^SKILL +VERSION +LANE +SCORE +INSTANCES +LABELS +DES/,
    );
    assert.match(
      stdout,
      /^text\.summarize +2\.1\.0 +main +0\.\d\d +1 +region=eu/m,
    );
    const only = async (...args: string[]) =>
      (await run("agents", "find", ...args, "--json")).objects.map(
        ({ agent: name }) => name,
      );
    assert.deepEqual(await only("--version", "^1"), ["old"]);
    assert.deepEqual(await only("--tag", "shorten", "--label", "region=eu"), [
      "text",
    ]);
    assert.deepEqual(await only("--skill", "nothing"), []);
    assert.equal((await run("agents", "find")).code, 2);
    assert.equal((await run("agents", "find", "--label", "eu")).code, 2);
  });

  test("agents ls shows labels and latency", async () => {
    const { stdout } = await run("agents", "ls");
    assert.match(stdout, /LATENCY +LABELS +SKILLS/);
    assert.match(stdout, /^text .*region=eu/m);
  });

  test("route says who would get a task, why, and who else could", async () => {
    const { code, stdout } = await run("route", "summarize");
    assert.equal(code, 0);
    assert.match(stdout, /^text\.summarize 2\.1\.0 {2}lane main {2}pull: /);
    assert.match(stdout, /^CANDIDATE +VERSION +LANE/m);
    assert.match(stdout, /^old\.summarize +1\.4\.0/m);
    const { objects } = await run(
      "route",
      "--text",
      "make this shorter",
      "--prefer=round-robin",
      "--label=region=eu",
      "--json",
    );
    assert.equal(objects[0]?.["agent"], "text");
    assert.equal(objects[0]?.["strategy"], "round-robin");
    assert.deepEqual(await bus.tasks(), []);
  });

  test("a need that nobody meets exits 2 and names the nearest", async () => {
    const { code, stderr } = await run("route", "summarize@^3");
    assert.equal(code, 2);
    assert.match(
      stderr,
      /^error NO_CANDIDATE: nobody does \*\.summarize@\^3: nearest are text\.summarize@2\.1\.0 /,
    );
    for (const wrong of [
      ["route"],
      ["route", "a", "--text", "b"],
      ["route", "a", "--prefer", "best"],
      ["route", "a", "--wait", "soon"],
    ])
      assert.equal((await run(...wrong)).code, 2, wrong.join(" "));
  });

  test("submit and ask take needs, and tasks show says why it went there", async () => {
    const asked = await run("ask", "summarize@^2", "1", "--json");
    assert.deepEqual(asked.objects, [{ output: "short" }]);
    const id = "routed-1";
    const submitted = await run(
      "submit",
      "summarize@^1",
      "1",
      "--wait",
      "--id",
      id,
    );
    assert.equal(submitted.code, 0, submitted.stderr);
    const { stdout } = await run("tasks", "show", id);
    assert.match(stdout, /^skill +old\.summarize$/m);
    assert.match(
      stdout,
      /^routed +for \*\.summarize@\^1 by pull: the only one that fits$/m,
    );
  });

  test("submit and ask take plain words and labels, as route does", async () => {
    const words = ["--text", "make this shorter"];
    const asked = await run("ask", ...words, "1", "--json");
    assert.deepEqual(asked.objects, [{ output: "short" }]);
    const [routed] = (
      await run("route", "summarize", "--label=region=eu", "--json")
    ).objects;
    const given: [string, string[]][] = [
      ["text", [...words, "--label", "region=eu", "1"]],
      [String(routed?.["agent"]), ["summarize", "1", "--label", "region=eu"]],
      ["old", ["old.summarize", "1"]],
    ];
    for (const [name, args] of given) {
      const submitted = await run("submit", ...args, "--json");
      assert.equal(submitted.objects[0]?.["agent"], name, submitted.stderr);
    }
    const nobody = await run("submit", "old.summarize", "--label=region=eu");
    assert.equal(nobody.code, 2);
    assert.match(nobody.stderr, /^error NO_CANDIDATE: /);
    const both = await run("submit", "old.summarize", "1", ...words);
    assert.match(both.stderr, /say AGENT\.SKILL or --text WORDS, one of them/);
    assert.equal((await run("ask")).code, 2);
  });

  test("forget takes the card of an agent away that is served no more", async () => {
    assert.equal((await run("agents", "forget", "old")).code, 1);
    const gone = agent("gone", { skills: { summarize } });
    await (await bus.serve(gone, { signals: false })).drain();
    const { code, stdout } = await run("agents", "forget", "gone");
    assert.equal(code, 0);
    assert.match(stdout, /^forgot gone 0\.0\.0 in lane main$/m);
    assert.equal((await run("agents", "forget", "gone")).code, 2);
  });
});

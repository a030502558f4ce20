import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { planJsonSchema } from "../../protocol/plan/plan.js";
import { connect } from "../../index.js";
import { quiet } from "../support/doer.js";
import { testServer, type TestServer } from "../support/server.js";
import { troupe } from "./command.js";

const article = "examples/plans/article.json";
const bad = JSON.stringify({
  steps: [
    { name: "a", call: "x.y", input: { ref: "steps.b" } },
    { name: "b", cal: 1 },
  ],
});

describe("plans without a bus", { concurrency: 2 }, () => {
  test("check says that a plan is good, and exits 0", async () => {
    const { code, stdout } = await troupe(["plan", "check", article]);
    assert.equal(stdout, "The plan is good.\n");
    assert.equal(code, 0);
  });

  test("check tells all that is wrong with its path, and exits 2", async () => {
    const { code, stdout } = await troupe(["plan", "check", "-"], {
      input: bad,
    });
    assert.match(
      stdout,
      /^steps\[1\] +says nothing to do; .*\nsteps\[0\]\.input +step "b" comes later; .*\n$/,
    );
    assert.equal(code, 2);
  });

  test("check --json is one object", async () => {
    const { code, objects } = await troupe(["plan", "check", "-", "--json"], {
      input: bad,
    });
    const [{ ok, problems } = {}] = objects as {
      ok?: boolean;
      problems?: { path: string }[];
    }[];
    assert.equal(ok, false);
    assert.deepEqual(
      problems?.map(({ path }) => path),
      ["steps[1]", "steps[0].input"],
    );
    assert.equal(code, 2);
  });

  test("draw prints Mermaid", async () => {
    const { code, stdout } = await troupe(["plan", "draw", article]);
    assert.match(stdout, /^flowchart TD\n/);
    assert.equal(code, 0);
  });

  test("schema prints the JSON Schema", async () => {
    const { stdout } = await troupe(["plan", "schema"]);
    assert.deepEqual(JSON.parse(stdout), planJsonSchema());
  });

  const wrong: [string[], RegExp, string?][] = [
    [["chekc"], /did you mean "check"/],
    [["check"], /the FILE is missing/],
    [["check", "nowhere.json"], /"nowhere\.json" cannot be read/],
    [["check", "README.md"], /"README\.md" holds no JSON/],
    [["draw", "-"], /PLAN_INVALID: the plan cannot be run: /, bad],
    [["put", "x"], /the FILE is missing/],
    [["schema", "x"], /one word too many/],
    [["run"], /the FILE or NAME is missing/],
    [["run", "x", "--param", "tone"], /--param "tone" is none/],
    [["run", "nowhere.json"], /"nowhere\.json" cannot be read/],
    [["answer", "t", "ok", "maybe"], /"maybe" is no answer: say yes or no/],
  ];
  for (const [args, message, input = ""] of wrong)
    test(`plan ${args.join(" ")} exits 2 and says why`, async () => {
      const { code, stderr } = await troupe(["plan", ...args], { input });
      assert.match(stderr, message);
      assert.equal(code, 2);
    });
});

describe("plans that are kept", () => {
  let server: TestServer;
  before(async () => {
    server = await testServer();
  });
  after(() => server.stop());
  const plan = (...args: string[]) =>
    troupe(["plan", ...args], { url: server.url });

  test("are put, listed, shown and deleted by name and version", async () => {
    assert.match((await plan("ls")).stderr, /^No plans in namespace "troupe"/);
    assert.equal((await plan("put", "article", article)).stdout, "article@1\n");
    assert.equal(
      (await plan("put", "article", "examples/plans/trip.json")).stdout,
      "article@2\n",
    );
    assert.match(
      (await plan("ls")).stdout,
      /^PLAN +VERSION +PUT +DESCRIPTION\narticle +2 +\S+ \S+ +A trip of/,
    );
    const shown = await plan("show", "article@1");
    assert.deepEqual(
      JSON.parse(shown.stdout),
      JSON.parse(readFileSync(article, "utf8")),
    );
    assert.equal(
      (await plan("history", "article", "--json")).objects.length,
      2,
    );
    assert.equal((await plan("rm", "article@1")).stdout, "deleted article@1\n");
    const gone = await plan("show", "article@1");
    assert.match(
      gone.stderr,
      /PLAN_UNKNOWN: plan "article" has no version 1: there is 2/,
    );
    assert.equal(gone.code, 2);
  });

  test("check --agents looks for whom the plan calls", async () => {
    const { code, stdout } = await plan("check", article, "--agents");
    assert.match(
      stdout,
      /^steps\[0\]\.parallel\[0\]\.call +unknown agent "library"; there is none yet/m,
    );
    assert.equal(code, 2);
  });

  test("run says that no orchestrator is there, also while it waits", async () => {
    const steps = [{ name: "a", value: 1 }];
    const run = (...more: string[]) =>
      troupe(["plan", "run", "-", ...more], {
        url: server.url,
        input: JSON.stringify({ steps }),
      });
    const never = await run();
    assert.match(
      never.stderr,
      /^error AGENT_UNKNOWN: no orchestrator has ever run in namespace "troupe": start one with `npx troupe up`/m,
    );
    const bus = await connect({ url: server.url });
    await (await bus.orchestrate(quiet)).drain();
    await bus.close();
    const waiting = await run("--wait", "--timeout", "200ms");
    assert.match(
      waiting.stderr,
      /^note: no instance of "orchestrator" is running: .* up\)$/m,
    );
    assert.match(waiting.stderr, /^error WAIT_TIMED_OUT: /m);
  });
});

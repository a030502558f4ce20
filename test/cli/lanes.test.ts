import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { z } from "zod";
import { agent, connect, skill, type Bus } from "../../index.js";
import { testServer, type TestServer } from "../support/server.js";
import { troupe } from "./command.js";

let server: TestServer;
let bus: Bus;

const makeWriter = (version: string) =>
  agent("writer", {
    version,
    skills: {
      write: skill({
        description: "Says who wrote it",
        input: z.any(),
        run: () => version,
      }),
    },
  });

before(async () => {
  server = await testServer();
  bus = await connect({ url: server.url });
  await bus.serve(makeWriter("1.4.0"));
  await bus.serve(makeWriter("2.0.0"), { lane: "canary" });
});
after(async () => {
  await bus.close();
  await server.stop();
});

const lanes = (...args: string[]) =>
  troupe(["lanes", ...args], { url: server.url });

describe("lanes", () => {
  test("split, promote, rollback and clear say what holds from then on", async () => {
    const said = async (...args: string[]) => {
      const { code, stdout, stderr } = await lanes(...args);
      assert.equal(stderr, "");
      assert.equal(code, 0);
      return stdout;
    };
    assert.equal(
      await said("split", "writer", "main=90%", "canary=10"),
      "writer: main 90%, canary 10%\n",
    );
    assert.match(await said("ls"), /writer +main 90%, canary 10%/);
    assert.equal(
      await said("promote", "writer", "canary"),
      "writer: canary 100%\n",
    );
    assert.equal(
      await said("rollback", "writer"),
      "writer: main 90%, canary 10%\n",
    );
    assert.equal(
      await said("clear", "writer"),
      "writer: all to main; there is nothing to roll back to any more\n",
    );
    const shown = await said("show", "writer");
    assert.match(shown, /^LANE +VERSION +SHARE +OF KEYS +INSTANCES/);
    assert.match(shown, /^main +1\.4\.0 +100% +100% +1 /m);
    assert.match(shown, /^canary +2\.0\.0 +0% +0% +1 /m);
    assert.match(shown, /clear +all to main\n.*rollback +main 90%, canary 10%/);
  });

  test("show --json is one object for programs", async () => {
    const { code, objects } = await lanes("show", "writer", "--json");
    assert.equal(code, 0);
    const [found] = objects;
    assert.equal(found?.["agent"], "writer");
    const names = (found["lanes"] as { lane: string }[]).map((l) => l.lane);
    assert.deepEqual(names, ["main", "canary"]);
  });

  test("nothing is split in an empty namespace, and that is said", async () => {
    const { code, stderr } = await lanes("ls", "--namespace", "empty");
    assert.equal(code, 0);
    assert.match(stderr, /^No split lanes in namespace "empty"/);
  });

  const wrong: [string[], RegExp][] = [
    [["split", "writer", "main=9", "blue=1"], /LANE_UNSERVED: nobody serves/],
    [["split", "writer", "main=9", "canary"], /"canary" is no lane and its/],
    [["split", "writer", "canary=much"], /write LANE=WEIGHT/],
    [["split", "writer", "canary="], /write LANE=WEIGHT/],
    [["split", "writer"], /which lanes\?/],
    [["split", "writer", "canary=0"], /needs 1 to 32 lanes/],
    [["promote", "writer"], /the LANE to promote is missing/],
    [["rollback", "writer"], /no earlier split to go back to/],
    [["show"], /the AGENT is missing/],
    [["show", "writr"], /AGENT_UNKNOWN: .*did you mean "writer"\?/],
    [["split", "writr", "main=1"], /AGENT_UNKNOWN: .*mean "writer"\?/],
    [["promote", "writr", "main"], /AGENT_UNKNOWN: .*mean "writer"\?/],
    [["spilt", "writer"], /split/],
  ];
  for (const [args, message] of wrong)
    test(`"lanes ${args.join(" ")}" exits 2 and says why`, async () => {
      const { code, stderr } = await lanes(...args);
      assert.match(stderr, message);
      assert.equal(code, 2);
    });
});

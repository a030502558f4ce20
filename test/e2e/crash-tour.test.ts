// The tour, which kills a worker among others, and the rest of `troupe dev`.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { Link } from "../../bus/connection/connection.js";
import { eventually } from "../support/eventually.js";
import { testServer } from "../support/server.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { start, troupe } from "../cli/command.js";

describe("dev", () => {
  test("a second terminal in the same project meets it", async (context) => {
    const cwd = await temporaryDirectory(context);
    await writeFile(join(cwd, "package.json"), "{}");
    const dev = start(["dev", "--json"], { cwd });
    const said = JSON.parse((await dev.line()) ?? "{}") as { agents: string[] };
    assert.deepEqual(said.agents, ["writer", "weather", "counter"]);
    const { code, objects } = await troupe(
      ["submit", "writer.headline", `{"text":"a b"}`, "--wait", "--json"],
      { cwd },
    );
    assert.equal(code, 0);
    assert.deepEqual(objects[0]?.["output"], { headline: "A B" });
    dev.child.kill("SIGINT");
    assert.equal((await dev.ended).code, 0);
  });

  test("prints what runs and what to type next", async () => {
    await using server = await testServer();
    const dev = start(["dev"], { url: server.url });
    for (;;) {
      const line = await dev.line();
      assert.ok(line !== undefined);
      if (line.startsWith("Ctrl-C")) break;
    }
    dev.child.kill("SIGINT");
    const { code, stdout } = await dev.ended;
    assert.equal(code, 0);
    assert.match(stdout, /writer\.headline +A headline/);
    assert.match(stdout, /node dist\/cli\/main\.js submit writer\.headline/);
  });

  test("Ctrl-C ends it at once, whatever is in hand", async () => {
    await using server = await testServer();
    const dev = start(["dev", "--json"], { url: server.url });
    await dev.line();
    await troupe(["submit", "counter.count", `{"to":9000}`], {
      url: server.url,
    });
    const interruptedAt = Date.now();
    dev.child.kill("SIGINT");
    assert.equal((await dev.ended).code, 0);
    assert.ok(Date.now() - interruptedAt < 4_000);
  });
});

describe("the tour", () => {
  test("shows everything on a server of its own, and exits 0", async () => {
    const { code, stdout, stderr } = await troupe(["dev", "--once"]);
    assert.equal(stderr, "");
    assert.equal(code, 0, stdout);
    assert.match(stdout, /All of it happened/);
  });

  test("a second run in a row on a given server passes too, and leaves nothing behind", async () => {
    await using server = await testServer();
    for (const _run of [1, 2]) {
      const { code, objects } = await troupe(["dev", "--once", "--json"], {
        url: server.url,
      });
      assert.equal(code, 0, JSON.stringify(objects.at(-1)));
      assert.ok(objects.slice(0, -1).every(({ ok }) => ok === true));
      assert.equal(objects.at(-1)?.["done"], true);
    }
    const link = await Link.open({
      url: server.url,
      namespace: "any",
      timeoutMs: 5_000,
    });
    const { streams } = await link.jsm.getAccountInfo();
    await link.close();
    assert.equal(streams, 0);
  });

  test("passes with credentials in the URL", async () => {
    await using server = await testServer({
      extraConfig: `authorization { user: guide, password: "let me in" }`,
    });
    const url = server.url.replace("//", "//guide:let%20me%20in@");
    const { code, stdout } = await troupe(["dev", "--once"], { url });
    assert.equal(code, 0, stdout);
    assert.doesNotMatch(stdout, /let( |%20)me/);
  });

  test("says what was not as promised, and exits 3 when the bus goes away", async () => {
    await using server = await testServer();
    const tour = start(["dev", "--once"], { url: server.url });
    await tour.line();
    await server.kill();
    const { code, stdout, stderr } = await tour.ended;
    assert.ok(code === 3 || code === 1);
    assert.match(stdout + stderr, /✗|error /);
  });

  test("Ctrl-C in the middle leaves no process behind", async () => {
    await using server = await testServer();
    const tour = start(["dev", "--once"], { url: server.url });
    let line: string | undefined;
    do line = await tour.line();
    while (line !== undefined && !line.includes(`serves "counter"`));
    const other = Number(/process (\d+)/.exec(line ?? "")?.[1]);
    tour.child.kill("SIGINT");
    assert.equal((await tour.ended).code, 130);
    await eventually(() => !lives(other));
  });

  test("has no colours in a pipe", async () => {
    const shell = spawn(process.execPath, ["dist/cli/main.js", "--help"]);
    let text = "";
    shell.stdout.on("data", (chunk) => (text += chunk));
    await once(shell, "close");
    // eslint-disable-next-line no-control-regex
    assert.doesNotMatch(text, /\u001b/);
  });
});

function lives(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

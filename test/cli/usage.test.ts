// What a user may type wrongly, and what is said then: one line, an exit code, never a stack.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { verbs } from "../../cli/verbs.js";
import { troupe } from "./command.js";

const nowhere = "nats://127.0.0.1:1";

describe("help", { concurrency: 2 }, () => {
  test("troupe alone and --help list all verbs", async () => {
    const alone = await troupe([]);
    const asked = await troupe(["--help"]);
    assert.equal(alone.code, 0);
    assert.equal(alone.stdout, asked.stdout);
    for (const name of Object.keys(verbs))
      assert.match(asked.stdout, new RegExp(`^  ${name} `, "m"));
  });

  for (const name of Object.keys(verbs))
    test(`${name} --help shows usage, options and an example`, async () => {
      const { code, stdout, stderr } = await troupe([name, "--help"]);
      assert.equal(code, 0);
      assert.equal(stderr, "");
      assert.match(stdout, new RegExp(`usage: troupe ${name}`));
      assert.match(stdout, /--namespace NAME/);
      assert.match(stdout, /--json/);
      assert.match(stdout, new RegExp(`example: troupe ${name}`));
    });

  test("--version is the package's", async () => {
    const { version } = JSON.parse(readFileSync("package.json", "utf8")) as {
      version: string;
    };
    assert.equal((await troupe(["--version"])).stdout, `${version}\n`);
  });
});

const wrong: readonly [readonly string[], RegExp][] = [
  [["sumbit"], /unknown verb "sumbit": did you mean "submit"\?/],
  [["zzz"], /unknown verb "zzz": there are dev, work/],
  [
    ["submit", "a.b", "--prority", "high"],
    /unknown option "--prority": did you mean "--priority"\?/,
  ],
  [["submit"], /AGENT\.SKILL is missing/],
  [["submit", "writer."], /"writer\." names no skill/],
  [["submit", "a.b", "{x"], /the input is no JSON/],
  [["submit", "a.b", "{}", "extra"], /"extra" is one word too many/],
  [["submit", "a.b", "--priority", "hihg"], /did you mean "high"/],
  [["submit", "a.b", "--delay", "soon"], /--delay "soon" is no duration/],
  [["submit", "a.b", "--key"], /--key/],
  [["ask", "a.b", "--timeout", "x"], /--timeout "x" is no duration/],
  [["tasks", "lss"], /did you mean "ls"/],
  [["tasks", "show"], /the task's ID is missing/],
  [["tasks", "ls", "--limit", "many"], /--limit "many" is no number/],
  [["replay", "--since", "lately"], /--since "lately" is neither/],
  [["replay", "--kind", "compelted"], /did you mean "completed"/],
  [["tail", "--kind", "nothing"], /unknown kind "nothing"/],
  [["dead", "purge"], /an ID, or --agent NAME, or --all/],
  [["dead", "redrive", "x", "--all"], /an ID, or --agent NAME, or --all/],
  [["tasks", "ls", "--url", ""], /--url is empty: say which, or leave it out/],
  [["tasks", "ls", "--namespace="], /--namespace is empty/],
  [["work"], /which modules\?/],
  [["work", "nowhere.js"], /there is no file "nowhere\.js"/],
  [["work", "test/run.js", "--concurrency", "0.5"], /is no whole number/],
];

describe("wrong usage", { concurrency: 2 }, () => {
  for (const [args, message] of wrong)
    test(`troupe ${args.join(" ")} exits 2`, async () => {
      const { code, stdout, stderr } = await troupe(args, { url: nowhere });
      assert.equal(code, 2);
      assert.equal(stdout, "");
      assert.match(stderr, message);
      assert.match(stderr, /^error ARGUMENT_INVALID: [^\n]*\n$/);
    });

  test("with --json the error is an object", async () => {
    const { code, stdout, stderr } = await troupe(["sumbit", "--json"]);
    const { error } = JSON.parse(stderr) as { error: Record<string, string> };
    assert.equal(code, 2);
    assert.equal(stdout, "");
    assert.equal(error["code"], "ARGUMENT_INVALID");
    assert.match(error["message"] ?? "", /did you mean "submit"/);
  });
});

const needBus: readonly (readonly string[])[] = [
  ["dev"],
  ["dev", "--once"],
  ["work", "dist/cli/demo/writer.js"],
  ["submit", "writer.headline", "{}"],
  ["ask", "writer.headline", "{}"],
  ["tasks", "ls"],
  ["tail"],
  ["replay"],
  ["dead", "ls"],
  ["agents"],
];

test("what cannot be written is an error of one line", async () => {
  const command = `"${process.execPath}" dist/cli/main.js --help > /dev/full`;
  const shell = spawn("bash", ["-c", command], { timeout: 30_000 });
  let stderr = "";
  shell.stderr.on("data", (chunk) => (stderr += chunk));
  const [code] = (await once(shell, "close")) as [number];
  assert.equal(code, 1);
  assert.match(
    stderr,
    /^error UNEXPECTED: what is to be said cannot be written: ENOSPC[^\n]*\n$/,
  );
});

describe("no bus", { concurrency: 2 }, () => {
  for (const args of needBus)
    test(`troupe ${args.join(" ")} exits 3 and says where it looked`, async () => {
      const { code, stderr } = await troupe(args, { url: nowhere });
      assert.equal(code, 3);
      assert.match(
        stderr,
        /^error NOT_CONNECTED: [^\n]*127\.0\.0\.1:1[^\n]*\n$/,
      );
    });

  test("whoever gave --url is told of that, and whoever set $NATS_URL of that", async () => {
    const given = await troupe(["tasks", "ls", "--url", nowhere], {
      env: { NATS_URL: "nats://127.0.0.1:2" },
    });
    assert.match(given.stderr, /: start it there, or correct the URL\n$/);
    const set = await troupe(["tasks", "ls"], { env: { NATS_URL: nowhere } });
    assert.match(set.stderr, /correct \$NATS_URL, or unset it/);
  });

  test("the stack is shown to whoever asks for it", async () => {
    const { stderr } = await troupe(["tasks", "ls"], {
      url: nowhere,
      env: { TROUPE_LOG: "debug" },
    });
    assert.match(stderr, /^ {4}at /m);
    assert.match(stderr, /caused by/);
  });
});

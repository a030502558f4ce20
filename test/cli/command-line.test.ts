// The commands that messages show are those that their reader can type.
import assert from "node:assert/strict";
import { test } from "node:test";
import { execFileSync } from "node:child_process";
import { commandLine, ownName } from "../../cli/command-line.js";

const called: [script: string, name: string][] = [
  ["/home/ann/shop/node_modules/.bin/troupe", "npx troupe"],
  ["/home/ann/shop/node_modules/troupe/dist/cli/main.js", "npx troupe"],
  ["/usr/local/bin/troupe", "troupe"],
  ["/home/ann/troupe/dist/cli/main.js", "node dist/cli/main.js"],
  ["/opt/troupe/dist/cli/main.js", "node /opt/troupe/dist/cli/main.js"],
  ["/home/ann/shop/main.js", "npx troupe"],
  ["", "npx troupe"],
];

for (const [script, name] of called)
  test(`called as "${script}", it shows "${name}"`, () => {
    assert.equal(ownName(script, "/home/ann/troupe"), name);
  });

test("what a command names is one word to a shell, whatever stands in it", () => {
  const ids = ["01JD~1", "two words@1", "$(touch x)", "it's", "ok[2]", "~", ""];
  for (const id of ids) {
    const [, words = ""] = commandLine`plan answer ${id} STEP`.split(
      " answer ",
    );
    const read = execFileSync("sh", ["-c", `printf '%s\\n' ${words}`]);
    assert.equal(String(read), `${id}\nSTEP\n`);
  }
  assert.match(commandLine`tasks show ${"01JD~1"}`, /tasks show 01JD~1$/);
});

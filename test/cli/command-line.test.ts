// The commands that messages show are those that their reader can type.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ownName } from "../../cli/command-line.js";

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

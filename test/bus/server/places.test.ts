import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { createPlaces, projectDirectory } from "../../../bus/server/places.js";
import { temporaryDirectory } from "../../support/temporary-directory.js";

test("the project is the nearest folder with a package.json, or where one stands", async (t) => {
  const root = await temporaryDirectory(t);
  const below = join(root, "a/b");
  await mkdir(below, { recursive: true });
  assert.equal(projectDirectory(below), below);
  await writeFile(join(root, "package.json"), "{}");
  assert.equal(projectDirectory(below), root);
});

test("a directory that cannot be made is an error that names it", async (t) => {
  const file = join(await temporaryDirectory(t), "file");
  await writeFile(file, "");
  await assert.rejects(createPlaces(join(file, "x")), {
    code: "SERVER_FAILED",
    message: /cannot make the folder ".*file\/x\/server"/,
  });
});

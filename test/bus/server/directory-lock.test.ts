import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { withLock } from "../../../bus/server/directory-lock.js";
import { identityOf } from "../../../bus/server/process-identity.js";
import { temporaryDirectory } from "../../support/temporary-directory.js";

test("one holder at a time, also when the lock of a dead process is found by many at once", async (t) => {
  const directory = await temporaryDirectory(t);
  const path = join(directory, "lock");
  await writeFile(path, `${await deadProcess()}@0`);
  let holders = 0;
  let taken = 0;
  const take = () =>
    withLock(path, 10_000, async () => {
      assert.equal(++holders, 1);
      await readdir(directory);
      taken++;
      holders--;
    });
  await Promise.all(Array.from({ length: 30 }, take));
  assert.equal(taken, 30);
  assert.deepEqual(await readdir(directory), []);
});

test("a lock that is held is waited for, and the error after the deadline names the holder", async (t) => {
  const path = join(await temporaryDirectory(t), "lock");
  await withLock(path, 1000, () =>
    assert.rejects(
      withLock(path, 50, () => Promise.resolve()),
      {
        code: "SERVER_FAILED",
        message: new RegExp(`held by process ${process.pid} for 50 ms`),
      },
    ),
  );
});

test("what fails under the lock gives it back", async (t) => {
  const path = join(await temporaryDirectory(t), "lock");
  const failure = new Error("no");
  await assert.rejects(
    withLock(path, 1000, () => Promise.reject(failure)),
    failure,
  );
  assert.equal(await withLock(path, 1000, () => Promise.resolve(1)), 1);
});

async function deadProcess(): Promise<string> {
  const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1e6)"]);
  const identity = await identityOf(child.pid ?? 0);
  child.kill("SIGKILL");
  await once(child, "exit");
  return identity;
}

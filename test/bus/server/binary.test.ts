import assert from "node:assert/strict";
import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { findServerBinary } from "../../../bus/server/binary.js";
import { cacheBinary, cachedBinaries } from "../../../bus/server/cache.js";
import { withEnvironment } from "../../support/environment.js";
import { temporaryDirectory } from "../../support/temporary-directory.js";

const silent = { onProgress: () => undefined };

test("what $TROUPE_NATS_SERVER names is taken before anything else", async (t) => {
  const path = await fakeServer(await temporaryDirectory(t), "2.12.0");
  await withEnvironment({ TROUPE_NATS_SERVER: path }, async () =>
    assert.deepEqual(await findServerBinary(silent), {
      path,
      version: "2.12.0",
      origin: "$TROUPE_NATS_SERVER",
    }),
  );
});

test("a $TROUPE_NATS_SERVER that is not there is an error; nothing else is looked for", () =>
  withEnvironment({ TROUPE_NATS_SERVER: "/no/such/nats-server" }, () =>
    assert.rejects(findServerBinary(silent), {
      code: "SERVER_NOT_FOUND",
      message: /\$TROUPE_NATS_SERVER is "\/no\/such\/nats-server".*ENOENT.*get/,
    }),
  ));

test("a $TROUPE_NATS_SERVER that is some other program is an error", () =>
  withEnvironment({ TROUPE_NATS_SERVER: process.execPath }, () =>
    assert.rejects(findServerBinary(silent), {
      code: "SERVER_NOT_FOUND",
      message: /it answered --version with "v/,
    }),
  ));

test("a $TROUPE_NATS_SERVER that is too old is an error with both versions and where to get one", async (t) => {
  const path = await fakeServer(await temporaryDirectory(t), "2.9.0");
  await withEnvironment({ TROUPE_NATS_SERVER: path }, () =>
    assert.rejects(findServerBinary(silent), {
      code: "SERVER_TOO_OLD",
      message: /"2\.9\.0".*needs 2\.12\.0 or newer; get one from https/,
    }),
  );
});

test("one on PATH that is too old is passed by, with a line that says so, for the next one on PATH", async (t) => {
  const directory = await temporaryDirectory(t);
  const old = await fakeServer(join(directory, "old"), "2.9.0");
  const path = await fakeServer(join(directory, "new"), "2.14.5");
  const lines: string[] = [];
  const found = await searchIn(directory, ["old", "new"], lines);
  assert.deepEqual(found, { path, version: "2.14.5", origin: "PATH" });
  assert.deepEqual(lines, [
    `nats-server: "${old}" is 2.9.0, older than 2.12.0`,
  ]);
});

test("the newest of the cache is taken when PATH has none, without asking the network", async (t) => {
  const directory = await temporaryDirectory(t);
  const lines: string[] = [];
  const cached = await withEnvironment(
    { XDG_CACHE_HOME: directory },
    async () => {
      for (const version of ["2.12.9", "2.12.10", "2.11.0"])
        await cacheBinary(await fakeServer(directory, version), version);
      // Another platform's may lie in a home folder that machines share.
      const [newest = ""] = await cachedBinaries();
      await copyFile(newest, `${newest.replace("2.12.10", "2.15.0")}-other`);
      return newest;
    },
  );
  const found = await searchIn(directory, [], lines);
  assert.deepEqual(found, {
    path: cached,
    version: "2.12.10",
    origin: "cache",
  });
  assert.deepEqual(lines, []);
});

test("a file of the cache that does not run is passed by", async (t) => {
  const directory = await temporaryDirectory(t);
  await withEnvironment({ XDG_CACHE_HOME: directory }, async () => {
    await cacheBinary(await fakeServer(directory, "2.12.9"), "2.12.9");
    await cacheBinary(await fakeServer(directory, "2.13.0", 1), "2.13.0");
  });
  const found = await searchIn(directory, [], []);
  assert.equal(found.version, "2.12.9");
});

test("when every source fails, the error names each and what to do", async (t) => {
  const directory = await temporaryDirectory(t);
  const old = await fakeServer(join(directory, "old"), "2.9.0");
  // Neither tar nor apt-get is on this PATH, so the result is the same with a network and without.
  await assert.rejects(searchIn(directory, ["old"], []), (error: Error) => {
    assert.match(error.message, /no nats-server 2\.12\.0 or newer was found/);
    assert.ok(error.message.includes(`"${old}" is 2.9.0`));
    assert.match(error.message, /the release cannot be had \(.+\)/);
    assert.match(error.message, /the packages cannot be had \(.+\)/);
    assert.match(error.message, /set \$NATS_URL/);
    return true;
  });
});

/** Searches with nothing but these folders below `directory` on PATH, and its cache. */
function searchIn(directory: string, onPath: string[], lines: string[]) {
  const path = [...onPath, "empty"].map((name) => join(directory, name));
  return withEnvironment(
    {
      TROUPE_NATS_SERVER: undefined,
      PATH: path.join(":"),
      XDG_CACHE_HOME: directory,
    },
    () => findServerBinary({ onProgress: (line) => lines.push(line) }),
  );
}

async function fakeServer(folder: string, version: string, exitCode = 0) {
  await mkdir(folder, { recursive: true });
  const path = join(folder, "nats-server");
  const script = `#!/bin/sh\necho "nats-server: v${version}"\nexit ${exitCode}\n`;
  await writeFile(path, script, { mode: 0o755 });
  return path;
}

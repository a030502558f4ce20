// Against the real package mirror of this machine; skipped where there is none.
import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { chown, mkdir, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { isNewEnough } from "../../../bus/server/version.js";
import { temporaryDirectory } from "../../support/temporary-directory.js";

const run = promisify(execFile);
const script = fileURLToPath(
  new URL("../../support/package-fetcher-process.js", import.meta.url),
);
const nobody = 65534;

const withoutApt = has("apt-get") ? false : "there is no apt-get here";
const asNobody = [`--reuid=${nobody}`, `--regid=${nobody}`, "--clear-groups"];
const withoutRoot =
  withoutApt || (canBeNobody() ? false : "cannot become another user here");

test(
  "the distribution's package gives a server that is new enough, and apt's own state stays as it was",
  {
    skip: withoutApt,
  },
  async (t) => {
    const folder = await temporaryDirectory(t);
    const before = await systemState();
    const { version } = await fetchWith(process.execPath, [script, folder]);
    assert.ok(isNewEnough(version), version);
    assert.deepEqual(await systemState(), before);
  },
);

test(
  "an ordinary user can fetch it as well",
  {
    skip: withoutRoot,
  },
  async (t) => {
    const folder = join(await temporaryDirectory(t), "of nobody");
    await mkdir(folder);
    await chown(join(folder, ".."), nobody, nobody);
    await chown(folder, nobody, nobody);
    const found = await fetchWith("setpriv", [
      ...asNobody,
      process.execPath,
      script,
      folder,
    ]);
    assert.equal(found.uid, nobody);
    assert.ok(isNewEnough(found.version), found.version);
  },
);

test(
  "processes that fetch at the same time do not disturb each other",
  {
    skip: withoutApt,
  },
  async (t) => {
    const found = await Promise.all(
      ["one", "two"].map(async (name) => {
        const folder = join(await temporaryDirectory(t), name);
        await mkdir(folder);
        return fetchWith(process.execPath, [script, folder]);
      }),
    );
    assert.equal(found[0]?.version, found[1]?.version);
  },
);

async function fetchWith(command: string, options: string[]) {
  const { stdout } = await run(command, options, { timeout: 120_000 });
  return JSON.parse(stdout) as { uid: number; path: string; version: string };
}

/** Names, sizes and times of all that apt keeps about the system. */
async function systemState(): Promise<string[]> {
  const folders = ["/var/lib/apt", "/var/cache/apt", "/var/lib/dpkg"];
  const states = await Promise.all(
    folders.map(async (folder) => {
      const names = await readdir(folder, { recursive: true });
      return Promise.all(
        names.map(async (name) => {
          const { size, mtimeMs } = await stat(join(folder, name));
          return `${folder}/${name} ${size} ${mtimeMs}`;
        }),
      );
    }),
  );
  return states.flat();
}

function has(command: string): boolean {
  try {
    execFileSync("sh", ["-c", `command -v ${command}`], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** Only root can, and only where the other user may read this checkout. */
function canBeNobody(): boolean {
  try {
    execFileSync("setpriv", [...asNobody, "test", "-r", script], {
      stdio: "ignore",
    });
    return true;
  } catch {
    return false;
  }
}

// Runs the compiled tests: node test/run.js [filter…], where a filter is a part of a test file's path. Without one it
// leaves out test/e2e/crash-*: they kill processes for minutes, and are run by `node test/run.js crash-`.
// Plain JavaScript, since it also clears away what the compiler leaves behind: dist/ files whose source
// is gone, so that neither a deleted test still runs nor a deleted module is still imported.
import { spawn } from "node:child_process";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
// Node 20 counts it for a whole file, and kills the file's process then: nothing hangs for ever.
const fileTimeoutMs = 240_000;
// Most tests wait for something most of the time.
const filesAtOnce = 2 * availableParallelism();

const compiled = compiledFiles();
const stale = compiled.filter(
  (path) => !existsSync(join(root, sourceOf(path))),
);
for (const path of stale) rmSync(join(root, "dist", path));

const filters = process.argv
  .slice(2)
  .map((filter) => filter.replace(/\.[tj]s$/, ""));
const isLong = (/** @type {string} */ path) =>
  path.startsWith("test/e2e/crash-");
const tests = compiled
  .filter((path) => path.startsWith("test/") && path.endsWith(".test.js"))
  .filter((path) => !stale.includes(path))
  .filter((path) =>
    filters.length === 0
      ? !isLong(path)
      : filters.some((filter) => path.includes(filter)),
  )
  .sort();

if (tests.length === 0) {
  console.error(
    filters.length === 0
      ? "No compiled test in dist/test: run `npx tsc` first."
      : `No test file matches "${filters.join('", "')}": give a part of its path, such as "lint".`,
  );
  process.exit(1);
}

const child = spawn(
  process.execPath,
  [
    "--test",
    `--test-concurrency=${filesAtOnce}`,
    `--test-timeout=${fileTimeoutMs}`,
    "--test-reporter=spec",
    "--enable-source-maps",
    ...tests.map((path) => join("dist", path)),
  ],
  { cwd: root, stdio: "inherit" },
);
for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM"]))
  process.on(signal, () => child.kill(signal));
child.on("exit", (code) => process.exit(code ?? 1));

/** Every file that the compiler has written, relative to dist/ and with forward slashes. */
function compiledFiles() {
  const dist = join(root, "dist");
  if (!existsSync(dist)) return [];
  return readdirSync(dist, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      relative(dist, join(entry.parentPath, entry.name)).replaceAll(sep, "/"),
    )
    .filter((path) => /\.(js|js\.map|d\.ts)$/.test(path));
}

/** @param {string} path */
function sourceOf(path) {
  return path.replace(/\.(js|js\.map|d\.ts)$/, ".ts");
}

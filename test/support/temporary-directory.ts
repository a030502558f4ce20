// A fresh folder for one test, removed at its end.
import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";

export async function temporaryDirectory(test: TestContext): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), "troupe-test-"));
  const directory = await realpath(made);
  test.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

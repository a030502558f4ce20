// A task "t" whose undoing stands at its step c, that of four steps a to d before the last one; and the processes that
// go on with it when that is ordered.
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { Bus } from "../../index.js";
import { startChild, type Child } from "./child.js";
import { eventually } from "./eventually.js";
import type { Halt } from "./halting.js";
import { letterOf } from "./saga.js";
import { temporaryDirectory } from "./temporary-directory.js";

export class StuckSaga {
  readonly bus: Bus;
  readonly #test: TestContext;
  readonly #path: string;

  private constructor(test: TestContext, bus: Bus, path: string) {
    this.#test = test;
    this.bus = bus;
    this.#path = path;
  }

  /** Nobody serves it then. */
  static async begin(test: TestContext, bus: Bus): Promise<StuckSaga> {
    const path = join(await temporaryDirectory(test), "diary");
    const saga = new StuckSaga(test, bus, path);
    await saga.fails("c");
    const child = await saga.serve();
    const task = await bus.submit("saga.run", {}, { id: "t" });
    await assert.rejects(task.result(), { code: "UNDO_FAILED" });
    await child.kill();
    assert.deepEqual(await saga.diary(), ["d", "c"]);
    return saga;
  }

  /** A process that goes on with it, as far as that. */
  serve(halt?: Omit<Halt, "by">, by: Halt["by"] = "SIGKILL") {
    const { url, namespace } = this.bus;
    const told = { url, namespace, path: this.#path };
    return startChild<object>(
      this.#test,
      "saga-process",
      halt ? { ...told, halt: { ...halt, by } } : told,
    );
  }

  /** Whose undos fail from now on. */
  fails(names: string): Promise<void> {
    return writeFile(`${this.#path}.bad`, names);
  }

  /** What was undone, or tried to be. */
  async diary(): Promise<string[]> {
    return (await readFile(this.#path, "utf8")).trimEnd().split("\n");
  }

  letter() {
    return letterOf(this.bus, "t");
  }

  /** A person has it tried again. */
  async order(): Promise<void> {
    await (await this.letter())!.undo("retry");
  }

  /** All is undone. */
  async untilGone(): Promise<void> {
    await eventually(async () => !(await this.letter()), {
      timeoutMs: 30_000,
    });
  }

  /** Who was frozen serves again, and has left the task alone. */
  async thaw(frozen: Child<object>): Promise<void> {
    frozen.signal("SIGCONT");
    await this.fails("c");
    const next = await this.bus.submit("saga.run", {}, { id: "next" });
    await assert.rejects(next.result(), { code: "UNDO_FAILED" });
    assert.equal(await this.letter(), undefined);
  }
}

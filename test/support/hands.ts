// Workers to be killed: processes that serve the agent "hand", and what their diary says.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { z } from "zod";
import { agent, skill, type Duration, type TaskContext } from "../../index.js";
import { killChildren, startChild, type Child } from "./child.js";
import { temporaryDirectory } from "./temporary-directory.js";

export interface HandOptions {
  url: string;
  namespace: string;
  ackWait?: Duration;
  concurrency?: number;
  /** Default main. */
  lane?: string;
  /** The file to which each handler writes that it begins and finishes. */
  diary?: string;
  /** Its acknowledgements get lost, as when it dies right before each. */
  neverAcknowledges?: boolean;
  /** It dies when it is to store that a task has failed. */
  diesBeforeFailed?: boolean;
}

/** Resolves when it takes tasks, or has died of the first. */
export const startHand = (
  test: TestContext,
  options: HandOptions,
): Promise<Child<object>> =>
  startChild(test, "hand-process", {
    ackWait: "1s",
    concurrency: 16,
    lane: "main",
    diary: "",
    neverAcknowledges: false,
    diesBeforeFailed: false,
    ...options,
  });

const input = z.object({
  ms: z.number().default(0),
  note: z.string().default(""),
});
export type HandInput = z.infer<typeof input>;
type Run = (input: HandInput, task: TaskContext) => unknown;

export function makeHand(run: { work: Run; die: Run; fail: Run }) {
  const description = "Is killed at times";
  return agent("hand", {
    skills: {
      // More than any test kills: what is killed here again and again is innocent.
      work: skill({
        description,
        input,
        retry: { crashes: 1_000 },
        run: run.work,
      }),
      die: skill({ description, input, retry: { crashes: 2 }, run: run.die }),
      fail: skill({ description, input, run: run.fail }),
    },
  });
}

/** For submitters: the same names and types, and no handlers to speak of. */
const nothing = () => undefined;
export const hand = makeHand({ work: nothing, die: nothing, fail: nothing });

/** A diary that is removed when nobody writes to it any more. */
export async function newDiary(test: TestContext): Promise<string> {
  test.after(() => killChildren(test));
  return join(await temporaryDirectory(test), "diary");
}

export interface Entry {
  what: "start" | "finish";
  pid: number;
  id: string;
  note: string;
}

/** In the order in which all processes wrote it; a line cut short by a kill is left out. */
export async function readDiary(path: string): Promise<Entry[]> {
  const text = await readFile(path, "utf8").catch(() => "");
  return text
    .slice(0, text.lastIndexOf("\n") + 1)
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [what, pid, id = "", ...note] = line.split(" ");
      return {
        what: what as Entry["what"],
        pid: Number(pid),
        id,
        note: note.join(" "),
      };
    });
}

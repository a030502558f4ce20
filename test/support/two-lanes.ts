// An agent "writer" in two lanes: an older version in main and a newer one in canary.
import type { TestContext } from "node:test";
import { z } from "zod";
import { agent, refuse, skill, type Bus } from "../../index.js";
import { eventually } from "./eventually.js";
import type { SharedServer } from "./shared-server.js";

/** Says which version did it. */
export const makeWriter = (version: string) =>
  agent("writer", {
    version,
    skills: {
      write: skill({
        description: "Says who wrote it",
        input: z.object({ text: z.string().default(""), fail: z.boolean() }),
        retry: { attempts: 2, first: 1 },
        run({ fail }) {
          if (fail) throw refuse("it was told to");
          return version;
        },
      }),
      stumble: skill({
        description: "Succeeds at the second attempt",
        input: z.any(),
        retry: { attempts: 2, first: 1 },
        run(_, task) {
          if (task.attempt === 1) throw new Error("not yet");
          return version;
        },
      }),
    },
  });

export const older = makeWriter("1.0.0");
const newer = makeWriter("2.0.0");
export const { write, stumble } = older.skills;
export const good = { fail: false };

/** A bus that serves both versions, and one of another process. */
export async function serveBoth(
  shared: SharedServer,
  t: TestContext,
): Promise<{ bus: Bus; other: Bus }> {
  const [bus, other] = [await shared.connect(t), await shared.connect(t)];
  await bus.serve(older);
  await bus.serve(newer, { lane: "canary" });
  return { bus, other };
}

export const countOf = (answers: readonly unknown[], version: string) =>
  answers.filter((answer) => answer === version).length;

/** What is heard through the settings arrives soon, and not at once. */
export const goesTo = (bus: Bus, version: string) =>
  eventually(async () => {
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => bus.call(write, good)),
    );
    return countOf(answers, version) === 10;
  });

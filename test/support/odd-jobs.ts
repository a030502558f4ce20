// An agent whose tasks are random programs of durable operations: what one does follows from the seed in its input. What
// steps and undos do leaves a line in a diary.
import { appendFileSync } from "node:fs";
import { z } from "zod";
import { agent, refuse, skill, type TaskContext } from "../../index.js";

export const diary = { path: "" };

const write = (line: string) => appendFileSync(diary.path, `${line}\n`);

type Draw = () => number;

/** The same numbers for the same seed (mulberry32). */
function drawsFrom(seed: number): Draw {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const retry = { attempts: 4, crashes: 1_000, first: "10ms" } as const;

function undoOf(task: TaskContext, name: string, draw: Draw) {
  if (draw() < 0.4) return {};
  return { undo: () => write(`${task.id} undo ${name}`) };
}

type Kind = (task: TaskContext, name: string, draw: Draw) => Promise<unknown>;

const kinds: Kind[] = [
  (task, name, draw) => {
    const fails = draw() < 0.2;
    const options = { retry, ...undoOf(task, name, draw) };
    const work = ({ attempt }: { attempt: number }) => {
      if (fails && attempt === 1) throw new Error("at first");
      return task.random();
    };
    return task.step(name, work, options);
  },
  (task, name, draw) => {
    const input = { fails: draw() < 0.2 };
    const options = { name, ...undoOf(task, name, draw) };
    return task
      .call("odd.child", input, options)
      .catch((error: Error) => error.message);
  },
  (task, _name, draw) => task.sleep(draw() < 0.6 ? 20 : 1_100),
  (task, _name, draw) => task.waitFor(draw() < 0.5 ? "one" : "two"),
  async (task) => (await task.now()).getTime() > 0 && task.uuid(),
  /** Nobody waits for it. */
  (task, name) => {
    task.call("odd.waits", {}, { name }).catch(() => undefined);
    return Promise.resolve();
  },
];

async function program(
  task: TaskContext,
  draw: Draw,
  depth: number,
  label: string,
): Promise<unknown[]> {
  const results: unknown[] = [];
  const length = 1 + Math.floor(draw() * 4);
  for (let at = 0; at < length; at++) {
    const name = `${label}.${at}`;
    const kind = kinds[Math.floor(draw() * (kinds.length + 2))];
    if (kind) results.push(await kind(task, name, draw));
    else if (depth < 2) {
      const both = [draw(), draw()].map((seed, side) =>
        program(task, drawsFrom(seed * 2 ** 31), depth + 1, `${name}-${side}`),
      );
      results.push(await task.all(both));
    }
  }
  return results;
}

const input = z.object({ seed: z.number(), run: z.number() });

export const odd = agent("odd", {
  skills: {
    job: skill({
      description: "Does as its seed says",
      input,
      retry,
      async run({ seed, run }, task) {
        const draw = drawsFrom(seed + run * 7919);
        const results = await program(task, draw, 0, `r${run}`);
        const end = draw();
        if (run < 2 && end < 0.3)
          return task.continueAs({ seed, run: run + 1 });
        if (end < 0.5) throw refuse("at its end");
        return results;
      },
    }),
    child: skill({
      description: "Does a step, and fails or not",
      input: z.object({ fails: z.boolean() }),
      retry,
      async run({ fails }, task) {
        const drawn = await task.step("draw", () => task.random());
        if (fails) throw refuse("a child");
        return drawn;
      },
    }),
    waits: skill({
      description: "Waits for what never comes",
      input: z.unknown(),
      retry,
      run: (_input, task) => task.waitFor("never"),
    }),
  },
});

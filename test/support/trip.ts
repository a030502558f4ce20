// An agent whose tasks are workflows. What its steps do leaves a line in a diary, so that a test sees how often each
// was done; what they give is random, so that it sees which of the times counted.
import { randomUUID } from "node:crypto";
import { appendFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import { agent, refuse, skill, type TaskContext } from "../../index.js";

export const diary = { path: "" };

function write(line: string): string {
  const nonce = randomUUID();
  if (diary.path !== "") appendFileSync(diary.path, `${line} ${nonce}\n`);
  return nonce;
}

const booked = (task: TaskContext, what: string) =>
  task.step(what, () => write(`${task.id} ${what}`), {
    undo: (nonce) => void write(`${task.id} undo-${what}-${nonce}`),
    retry: { attempts: 5, first: "20ms" },
  });

export const trip = agent("trip", {
  skills: {
    /** So many steps, one after the other. */
    steps: skill({
      description: "Does steps",
      input: z.object({ count: z.number() }),
      async run({ count }, task) {
        const nonces: string[] = [];
        for (let at = 0; at < count; at++)
          nonces.push(
            await task.step(`step ${at}`, () => write(`${task.id} step-${at}`)),
          );
        return { nonces, drawn: task.uuid() };
      },
    }),
    /** Books, sleeps, asks another, books again; and fails or not. */
    book: skill({
      description: "Books a trip",
      input: z.object({
        sleepMs: z.number().optional(),
        fails: z.boolean().optional(),
      }),
      retry: { attempts: 3, first: "20ms" },
      async run({ sleepMs = 0, fails = false }, task) {
        const flight = await booked(task, "flight");
        if (sleepMs > 0) await task.sleep(sleepMs);
        const [car, price] = await task.all([
          booked(task, "car"),
          task.call("trip.price", { of: task.id }),
        ]);
        const hotel = await booked(task, "hotel");
        if (fails) throw refuse("the hotel burns");
        return { flight, car, hotel, price };
      },
    }),
    /** Takes signals until one says that it is over, and begins anew after each. */
    loop: skill({
      description: "Takes signals for ever",
      input: z.object({ taken: z.array(z.number()) }),
      async run({ taken }, task): Promise<number[]> {
        const next = (await task.waitFor("go")) as number;
        if (next < 0) return taken;
        return task.continueAs({ taken: [...taken, next] });
      },
    }),
    /** Fails at first, to be tried again much later; then it waits for a signal. */
    later: skill({
      description: "Waits",
      input: z.object({}),
      retry: { attempts: 3, first: "1h", max: "1h" },
      async run(_input, task) {
        await task.step("begin", () => write(`${task.id} begin`));
        if (task.attempt === 1) throw new Error("not yet");
        return task.waitFor("go");
      },
    }),
    /** Does a step, which can be undone or not, and then calls. */
    ride: skill({
      description: "Rides",
      input: z.object({ undone: z.boolean() }),
      async run({ undone }, task) {
        const undo = { undo: () => void write(`${task.id} undo-begin`) };
        await task.step(
          "begin",
          () => write(`${task.id} begin`),
          undone ? undo : {},
        );
        return task.call("trip.price", { of: task.id });
      },
    }),
    /** Does a step whose undo takes a while. */
    linger: skill({
      description: "Lingers",
      input: z.object({}),
      run: (_input, task) =>
        task.step("begin", () => write(`${task.id} begin`), {
          undo: () => {
            write(`${task.id} undo-begin`);
            return pause(1_500);
          },
        }),
    }),
    price: skill({
      description: "Says what it costs",
      input: z.object({ of: z.string() }),
      run: ({ of }) => of.length,
    }),
  },
});

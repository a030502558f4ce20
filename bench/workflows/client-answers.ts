// What a client does when it is asked.
import { setTimeout as delay } from "node:timers/promises";
import { sampleInput, type Note } from "../contestant.js";
import type { Answers } from "../dialogue.js";
import { measure, type Load, type Measured } from "../load.js";
import { now, type Client } from "./contract.js";
import type { WorkflowQuestions } from "./questions.js";
import { resultOf } from "./tally.js";

const startsAtOnce = 256;
const paceTickMs = 2;
const wavesAtLeast = 3;
const slowMs = 12_000;

export function clientAnswers(client: Client): Answers<WorkflowQuestions> {
  const expected = { text: resultOf(sampleInput.text) };
  const run = () => client.run({ ...sampleInput, sentAt: now() });
  return {
    measure: (load) => measureEnough(run, expected, load),
    pace: ({ perSecond, durationMs }) => pace(run, perSecond, durationMs),
    sleep: ({ count, until }) => startMany(count, () => client.sleep(until)),
    async startLong({ id, steps }) {
      await client.startLong(id, steps);
      return null;
    },
    async signalLong({ id }) {
      await client.signalLong(id);
      return null;
    },
    async close() {
      await client.close();
      return null;
    },
  };
}

/** Who takes seconds for one is given the time for more than a wave of those in flight, once. */
async function measureEnough(
  run: () => Promise<Note>,
  expected: Note,
  load: Load,
): Promise<Measured> {
  const measured = await measure(run, expected, load);
  if (measured.count >= wavesAtLeast * load.inFlight) return measured;
  return measure(run, expected, { ...load, durationMs: slowMs });
}

async function pace(
  run: () => Promise<unknown>,
  perSecond: number,
  durationMs: number,
): Promise<null> {
  const begun = now();
  let sent = 0;
  // Nothing is kept of those that are done: what a client keeps, its garbage collector goes through.
  let underWay = 0;
  let failure: Error | undefined;
  const one = async () => {
    underWay++;
    try {
      await run();
    } catch (error) {
      failure ??= error as Error;
    } finally {
      underWay--;
    }
  };
  for (let elapsed = 0; elapsed < durationMs; elapsed = now() - begun) {
    for (const due = (elapsed * perSecond) / 1000; sent < due; sent++)
      void one();
    await delay(paceTickMs);
  }
  while (underWay > 0) await delay(paceTickMs);
  if (failure) throw failure;
  return null;
}

async function startMany(
  count: number,
  start: () => Promise<void>,
): Promise<null> {
  let left = count;
  const lane = async () => {
    while (left-- > 0) await start();
  };
  await Promise.all(Array.from({ length: startsAtOnce }, lane));
  return null;
}

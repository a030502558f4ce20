// troupe dev --once: takes a visitor through what Troupe does, with real events. Each step checks that what
// it shows has really happened; the first that has not ends the tour with exit code 1.
import { exitCodeOf, exitCodes, type ExitCode } from "../exit.js";
import { endOnInterrupt, interrupted } from "../session.js";
import type { Call } from "../verb.js";
import { cancelTask } from "./cancel.js";
import { deadLetter } from "./dead-letter.js";
import { firstTask } from "./first-task.js";
import { openGrounds, type Grounds } from "./grounds.js";
import { killedWorker } from "./killed-worker.js";
import { priorities } from "./priorities.js";
import { retry } from "./retry.js";
import { Stage } from "./stage.js";
import { wholeLog } from "./whole-log.js";

const steps: readonly ((stage: Stage, grounds: Grounds) => Promise<void>)[] = [
  firstTask,
  priorities,
  retry,
  deadLetter,
  killedWorker,
  cancelTask,
  wholeLog,
];

export async function takeTour(call: Call): Promise<ExitCode> {
  const startedAt = Date.now();
  endOnInterrupt(interrupted);
  const stage = new Stage(call.output);
  await using grounds = await openGrounds(call);
  stage.open(grounds.where);
  try {
    for (const step of steps) await step(stage, grounds);
  } catch (error) {
    stage.failed(error);
    const isBusGone = exitCodeOf(error) === exitCodes.noBus;
    return isBusGone ? exitCodes.noBus : exitCodes.taskFailed;
  }
  stage.close(Date.now() - startedAt);
  return exitCodes.done;
}

// A process that fires schedules and does none of their tasks, to be killed or frozen at a step of a firing. Says
// the id of each task that it submits, one JSON object a line. See schedules.ts.
import "./end-with-parent.js";
import { writeSync } from "node:fs";
import type { FirerOptions } from "./schedules.js";

const told = JSON.parse(process.argv[2]!) as FirerOptions;
if (told.clockShiftMs !== undefined) {
  process.env["CLOCK_SHIFT_MS"] = String(told.clockShiftMs);
  await import("./shifted-clock.js");
}
// Only now: what they import looks at the clock.
const { Publisher } = await import("../../bus/streams/publisher.js");
const { Delivery } = await import("../../bus/delivery/delivery.js");
const { connect } = await import("../../index.js");
const { doer, quiet } = await import("./doer.js");

const say = (line: object) => writeSync(1, `${JSON.stringify(line)}\n`);

function stepOf(subject: string, body: Uint8Array): string | undefined {
  if (subject.startsWith(`$KV.${told.namespace}_schedules.`))
    return Buffer.from(body).includes('"pending":[]') ? "done" : "taken";
  if (subject.startsWith(`${told.namespace}.timer.schedule.next.`))
    return "wake-up";
  return subject.startsWith(`${told.namespace}.task.`) ? "task" : undefined;
}

/** The second time that it comes to its step is its end. */
let count = 0;
function endAt(step: string | undefined, when: "before" | "after"): void {
  const { at } = told;
  if (at?.step !== step || at?.when !== when || ++count !== 2) return;
  process.kill(process.pid, at.freezes === true ? "SIGSTOP" : "SIGKILL");
  // The signal comes before or soon after this; nothing else may happen meanwhile.
  if (at.freezes !== true)
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}

type Publish = typeof Publisher.prototype.publish;
// oxlint-disable-next-line typescript/unbound-method -- it is called with its own `this`
const publish: Publish = Publisher.prototype.publish;
Publisher.prototype.publish = function (subject, headers, body, done, options) {
  const step = stepOf(subject, body);
  if (step === "task")
    say({ fired: decodeURIComponent(subject.split(".").at(-1)!) });
  endAt(step, "before");
  const told_: typeof done = (error, stored) => {
    if (stored) endAt(step, "after");
    done(error, stored);
  };
  return publish.call(this, subject, headers, body, told_, options);
};
// oxlint-disable-next-line typescript/unbound-method -- it is called with its own `this`
const acknowledge = Delivery.prototype.acknowledgeNow;
Delivery.prototype.acknowledgeNow = function () {
  if (this.subject.includes(".due.schedule.next."))
    endAt("acknowledged", "before");
  acknowledge.call(this);
};

const { url, namespace } = told;
const bus = await connect({ url, namespace });
const idle = doer(() => undefined, {}, "idle");
await bus.serve(idle, quiet);
say({ ready: Date.now() });

// An agent "hand" in a process that is going to be killed. What its handlers begin and finish it appends to a
// diary, which survives kill -9 and orders what several processes do. See hands.ts.
import "./end-with-parent.js";
import { appendFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { Delivery } from "../../bus/delivery/delivery.js";
import { Recorder } from "../../bus/tasks/recorder.js";
import { connect } from "../../index.js";
import { makeHand, type HandOptions } from "./hands.js";

const told = JSON.parse(process.argv[2]!) as Required<HandOptions>;
if (told.neverAcknowledges) Delivery.prototype.acknowledge = () => undefined;
if (told.diesBeforeFailed)
  Recorder.prototype.ended = () => {
    process.kill(process.pid, "SIGKILL");
    return new Promise(() => undefined);
  };

const write = (what: "start" | "finish", id: string, note: string) => {
  if (told.diary)
    appendFileSync(told.diary, `${what} ${process.pid} ${id} ${note}\n`);
};

const bus = await connect({ url: told.url, namespace: told.namespace });
const hand = makeHand({
  async work({ ms, note }, task) {
    write("start", task.id, note);
    if (ms > 0) await wait(ms);
    write("finish", task.id, note);
    return { note, pid: process.pid, attempt: task.attempt };
  },
  die({ note }, task) {
    write("start", task.id, note);
    process.kill(process.pid, "SIGKILL");
    // The signal ends the process before or soon after this; nothing else may happen meanwhile.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  },
  async fail({ ms, note }, task) {
    write("start", task.id, note);
    await wait(ms);
    write("finish", task.id, note);
    if (task.attempt > 1) return { note, pid: process.pid };
    throw Object.assign(new Error("a late failure"), { retryable: false });
  },
});
await bus.serve(hand, {
  concurrency: told.concurrency,
  lane: told.lane,
  ackWait: told.ackWait,
});
console.log(JSON.stringify({ ready: true }));

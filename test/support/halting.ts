// Halts its process around the nth message that it stores: for good, or until somebody lets it go on. What it says of
// itself in the registry does not count.
import { Publisher } from "../../bus/streams/publisher.js";

export interface Halt {
  at: number;
  when: "before" | "after";
  by: "SIGKILL" | "SIGSTOP";
  /** Only messages whose subject has this count. */
  on?: string;
}

const ofItself = /^\$KV\.\w+_(agents|instances|settings)\.|\.event\.agent\./;

type Publish = (
  this: Publisher,
  ...args: Parameters<Publisher["publish"]>
) => string;

export function haltAt({ at, when, by, on = "" }: Halt): void {
  const { value } = Object.getOwnPropertyDescriptor(
    Publisher.prototype,
    "publish",
  )!;
  const publish = value as Publish;
  let stored = 0;
  Publisher.prototype.publish = function (subject, headers, body, done, more) {
    const counts = !ofItself.test(subject) && subject.includes(on);
    const isLast = counts && ++stored === at;
    if (isLast && when === "before") halt(by);
    const halted: typeof done = (error, place) => {
      halt(by);
      done(error, place);
    };
    const then = isLast && when === "after" ? halted : done;
    return publish.call(this, subject, headers, body, then, more);
  };
}

function halt(signal: Halt["by"]): void {
  process.kill(process.pid, signal);
  if (signal === "SIGSTOP") return; // it goes on from here when it may
  // The signal ends the process before or soon after this; nothing else may happen meanwhile.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}

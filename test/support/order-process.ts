// Serves "order" and "payment" in a process that may die, by kill -9, right before or right after the nth message
// that it stores; what it says of itself in the registry does not count.
import "./end-with-parent.js";
import { Publisher } from "../../bus/publisher.js";
import { connect } from "../../index.js";
import { order, payment } from "./order.js";

const { url, namespace, dies } = JSON.parse(process.argv[2]!) as {
  url: string;
  namespace: string;
  dies?: { at: number; when: "before" | "after" };
};

const die = (): never => {
  process.kill(process.pid, "SIGKILL");
  // The signal ends the process before or soon after this; nothing else may happen meanwhile.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  throw new Error("it is dead");
};

type Publish = (
  this: Publisher,
  ...args: Parameters<Publisher["publish"]>
) => string;
const { value } = Object.getOwnPropertyDescriptor(
  Publisher.prototype,
  "publish",
)!;
const publish = value as Publish;

let stored = 0;
Publisher.prototype.publish = function (subject, headers, body, done, ms) {
  const counts = !/^\$KV\.\w+_(agents|instances|settings)\./.test(subject);
  const isLast = counts && ++stored === dies?.at;
  if (isLast && dies.when === "before") die();
  return publish.call(this, subject, headers, body, isLast ? die : done, ms);
};

const bus = await connect({ url, namespace });
await bus.serve(order, { ackWait: "1s" });
await bus.serve(payment, { ackWait: "1s" });
console.log(JSON.stringify({ ready: true }));

// Serves "saga" in a process that is killed around a message that it stores. Its steps write what their undos do into a
// file; those named in the file beside it fail.
import "./end-with-parent.js";
import { appendFileSync, readFileSync } from "node:fs";
import { connect } from "../../index.js";
import { haltAt, type Halt } from "./halting.js";
import { broken, doSteps, sagaAgent } from "./saga.js";

const { url, namespace, halt, path } = JSON.parse(process.argv[2]!) as {
  url: string;
  namespace: string;
  halt?: Halt;
  path: string;
};
if (halt) haltAt(halt);
const bus = await connect({ url, namespace });
const saga = sagaAgent(async (_input, task) => {
  await doSteps(task, ["a", "b", "c", "d"], (name) => {
    appendFileSync(path, `${name}\n`);
    const bad = readFileSync(`${path}.bad`, "utf8");
    if (bad.includes(name)) throw new Error("stuck");
  });
  throw broken();
});
await bus.serve(saga, { ackWait: "1s" });
console.log(JSON.stringify({ ready: true }));

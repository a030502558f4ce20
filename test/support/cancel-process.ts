// Ends a task without undoing it, and may be halted around a message that it stores for that.
import "./end-with-parent.js";
import { connect } from "../../index.js";
import { haltAt, type Halt } from "./halting.js";

const { url, namespace, of, halt } = JSON.parse(process.argv[2]!) as {
  url: string;
  namespace: string;
  of: string;
  halt: Halt;
};
const bus = await connect({ url, namespace });
console.log(JSON.stringify({ ready: true }));
haltAt(halt);
await bus.task(of).cancel("enough", { undo: false, by: "ann" });
await bus.close();

// Forks a task, and may be halted around a message that it stores for that.
import "./end-with-parent.js";
import { connect } from "../../index.js";
import { haltAt, type Halt } from "./halting.js";

const { url, namespace, of, id, halt } = JSON.parse(process.argv[2]!) as {
  url: string;
  namespace: string;
  of: string;
  id: string;
  halt?: Halt;
};
const bus = await connect({ url, namespace });
console.log(JSON.stringify({ ready: true }));
if (halt) haltAt(halt);
const fork = await bus.fork(of, { before: "last", id });
console.log(JSON.stringify({ forked: fork.id }));
await bus.close();

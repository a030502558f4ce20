// Serves "caller" in a process that may be halted around a message that it stores.
import "./end-with-parent.js";
import { connect } from "../../index.js";
import { caller } from "./caller.js";
import { haltAt, type Halt } from "./halting.js";

const { url, namespace, halt } = JSON.parse(process.argv[2]!) as {
  url: string;
  namespace: string;
  halt?: Halt;
};
if (halt) haltAt(halt);
const bus = await connect({ url, namespace });
await bus.serve(caller, { ackWait: "1s" });
console.log(JSON.stringify({ ready: true }));

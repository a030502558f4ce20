// Serves "odd" in a process that is killed, or halted around a message that it stores.
import "./end-with-parent.js";
import { connect } from "../../index.js";
import { haltAt, type Halt } from "./halting.js";
import { diary, odd } from "./odd-jobs.js";

const { url, namespace, halt, path } = JSON.parse(process.argv[2]!) as {
  url: string;
  namespace: string;
  halt?: Halt;
  path: string;
};
diary.path = path;
const bus = await connect({ url, namespace });
await bus.serve(odd, { ackWait: "1s", concurrency: 64 });
console.log(JSON.stringify({ ready: true }));
if (halt) haltAt(halt); // not before: nobody would hear that it serves

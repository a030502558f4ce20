// Serves "trip" in a process that is killed, or halted around a message that it stores.
import "./end-with-parent.js";
import { connect, type Durability } from "../../index.js";
import { haltAt, type Halt } from "./halting.js";
import { diary, trip } from "./trip.js";

const { halt, path, ...place } = JSON.parse(process.argv[2]!) as {
  url?: string;
  /** Of an embedded server. */
  directory?: string;
  durability?: Durability;
  namespace: string;
  halt?: Halt;
  path: string;
};
diary.path = path;
if (halt) haltAt(halt);
const bus = await connect(place);
await bus.serve(trip, { ackWait: "1s", concurrency: 64 });
console.log(JSON.stringify({ ready: true }));

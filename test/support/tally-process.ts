// An instance of "tally" in a process that is going to be killed.
import "./end-with-parent.js";
import { connect } from "../../index.js";
import { tally } from "./tally.js";

const { url, namespace, concurrency } = JSON.parse(process.argv[2]!) as {
  url: string;
  namespace: string;
  concurrency: number;
};
const bus = await connect({ url, namespace });
await bus.serve(tally, { concurrency, ackWait: "1s" });
console.log(JSON.stringify({ ready: true }));

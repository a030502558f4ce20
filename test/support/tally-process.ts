// An instance of "tally" in a process that is going to be killed, or halted around a message that it stores, or that
// tells its memory: once it has handled anything and all contexts sleep again, and while it rests from then on.
import "./end-with-parent.js";
import { appendFileSync } from "node:fs";
import { garbageCollector } from "../../bench/memory.js";
import { connect } from "../../index.js";
import { haltAt, type Halt } from "./halting.js";
import { doing, tally } from "./tally.js";

const { url, namespace, concurrency, halt, diary } = JSON.parse(
  process.argv[2]!,
) as {
  url: string;
  namespace: string;
  concurrency: number;
  halt?: Halt;
  /** Where its own actions leave a line each. */
  diary?: string;
};
if (halt) haltAt(halt);
if (diary) doing.added = (n) => appendFileSync(diary, `${n}\n`);
const bus = await connect({ url, namespace });
const worker = await bus.serve(tally, { concurrency, ackWait: "1s" });
const collect = garbageCollector();
const tell = () => {
  const { completed: handled } = worker.counts;
  const { heapUsed, rss } = process.memoryUsage();
  console.log(JSON.stringify({ handled, heapUsed, rss }));
};
collect();
tell();
let told = 0;
setInterval(() => {
  if (worker.contexts?.awake !== 0 || worker.counts.completed === told) return;
  told = worker.counts.completed;
  collect();
  tell();
}, 200);
setInterval(() => {
  if (worker.contexts?.awake === 0) tell(); // as it is, without collecting
}, 5_000);

// A submitter in a process that is going to be killed: it says the id of each task whose submit was acknowledged,
// and goes on submitting until then.
import "./end-with-parent.js";
import { writeSync } from "node:fs";
import { connect } from "../../index.js";
import { hand } from "./hands.js";

const { url, namespace, lanes, ms } = JSON.parse(process.argv[2]!) as {
  url: string;
  namespace: string;
  lanes: number;
  ms: number;
};
const bus = await connect({ url, namespace });
const lane = async () => {
  for (;;) {
    const { id } = await bus.submit(hand.skills.work, { ms });
    // Not console.log: what was said must be out before anything else happens.
    writeSync(1, `${JSON.stringify({ accepted: id })}\n`);
  }
};
await Promise.all(Array.from({ length: lanes }, lane));

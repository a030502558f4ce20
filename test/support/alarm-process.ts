// Serves "alarm" in a process whose clock differs from the server's.
import "./end-with-parent.js";

const { url, namespace, shiftMs } = JSON.parse(process.argv[2]!) as {
  url: string;
  namespace: string;
  shiftMs: number;
};
process.env["CLOCK_SHIFT_MS"] = String(shiftMs);
await import("./shifted-clock.js");
// Only now: what they import looks at the clock.
const { connect } = await import("../../index.js");
const { alarm } = await import("./alarm.js");

const bus = await connect({ url, namespace });
await bus.serve(alarm, { ackWait: "1s" });
console.log(JSON.stringify({ clock: Date.now() }));

// A connection to NATS, from its first dial to its end.
//
// - **connecting**: the first dial is under way. Left by `connected`, or by `closed` when nobody answers there
//   or lets us in.
// - **connected**: what is sent goes out. Left by `disconnected`, when the server is gone or silent, and by
//   `closed`.
// - **reconnecting**: four dials a second, for as long as it takes. What must not be lost is kept by its sender.
//   Left by `connected`: then senders send again; or by `closed`.
// - **closed**: by us, or for good. Nothing leads out of it: what the client still says is ignored.
import { setup } from "xstate";
import { tabulate, type StatePath } from "../../protocol/lifecycle.js";

export const connectionMachine = setup({
  types: {
    events: {} as { type: "connected" | "disconnected" | "closed" },
  },
}).createMachine({
  id: "connection",
  initial: "connecting",
  states: {
    connecting: { on: { connected: "connected", closed: "closed" } },
    connected: { on: { disconnected: "reconnecting", closed: "closed" } },
    reconnecting: { on: { connected: "connected", closed: "closed" } },
    closed: { type: "final" },
  },
});

export const connectionLifecycle = tabulate(connectionMachine);
export type ConnectionState = StatePath<typeof connectionMachine>;

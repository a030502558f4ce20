// A server with the demo agents, for all tests of a file.
import { after, before } from "node:test";
import { counter } from "../../cli/demo/counter.js";
import { weather } from "../../cli/demo/weather.js";
import { writer } from "../../cli/demo/writer.js";
import { connect } from "../../connect.js";
import type { Bus } from "../../troupe.js";
import { testServer, type TestServer } from "../support/server.js";
import { troupe, type Ended } from "./command.js";

interface DemoBus {
  readonly url: string;
  readonly bus: Bus;
  /** The command, with that server. */
  readonly run: (...args: string[]) => Promise<Ended>;
}

export function demoBus(): DemoBus {
  let server!: TestServer;
  let bus!: Bus;
  before(async () => {
    server = await testServer();
    bus = await connect({ url: server.url });
    const serving = { signals: false, drain: "100ms" } as const;
    await bus.serve(writer, serving);
    await bus.serve(weather, serving);
    await bus.serve(counter, serving);
  });
  after(async () => {
    await bus.close();
    await server.stop();
  });
  return {
    get url() {
      return server.url;
    },
    get bus() {
      return bus;
    },
    run: (...args) => troupe(args, { url: server.url }),
  };
}

// A bus with a desk and an orchestrator, for all tests of a file; and steps for plans that call the desk.
import { after, before, beforeEach } from "node:test";
import { connect, type Bus, type RunPlanOptions } from "../../index.js";
import { Desk } from "./desk.js";
import { quiet } from "./doer.js";
import { testServer, type TestServer } from "./server.js";

interface DeskBus {
  readonly bus: Bus;
  readonly desk: Desk;
  readonly server: TestServer;
  /** The result of a plan with these steps. */
  run(
    steps: readonly object[],
    more?: object,
    given?: RunPlanOptions,
  ): Promise<unknown>;
}

export function deskBus(): DeskBus {
  const desk = new Desk();
  let server: TestServer;
  let bus: Bus;
  before(async () => {
    server = await testServer();
    bus = await connect({ url: server.url });
    await bus.serve(desk.agent, quiet);
    await bus.orchestrate(quiet);
  });
  after(async () => {
    await bus.close();
    await server.stop();
  });
  beforeEach(() => desk.forget());
  return {
    desk,
    get bus() {
      return bus;
    },
    get server() {
      return server;
    },
    async run(steps, more = {}, given = {}) {
      const task = await bus.plans.run({ steps, ...more }, given);
      return task.result({ timeout: "30s" });
    },
  };
}

export const ref = (text: string) => ({ ref: text });

export const say = (name: string, input: unknown) => ({
  name,
  call: "desk.say",
  input,
});

/** Does something that is undone when the plan fails. */
export const act = (name: string) => ({
  name,
  call: "desk.do",
  input: { what: name },
  undo: { call: "desk.undo", input: { id: ref(`steps.${name}.id`) } },
});

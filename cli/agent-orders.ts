// troupe agents pause, resume and drain: an order to all instances of an agent, and whether they have obeyed.
import type { OrderOptions } from "../bus/registry/agent-control.js";
import type { InstanceCard } from "../protocol/card.js";
import type { Bus } from "../troupe.js";
import { exitCodes, type ExitCode } from "./exit.js";
import { lanesOf } from "./known-agents.js";
import { pauseOf } from "./pause-text.js";
import { withBus } from "./session.js";
import { toDuration } from "./values.js";
import type { Call } from "./verb.js";

export function pause(call: Call): Promise<ExitCode> {
  return obeyed(call, "paused", async (bus, name, options) => {
    await lanesOf(bus, name);
    const reason = call.text("reason");
    return bus.pauseAgent(name, {
      ...options,
      ...(reason === undefined ? {} : { reason }),
    });
  });
}

/** A pause outlives the agent's card: one that was forgotten is resumed as well. */
export function resume(call: Call): Promise<ExitCode> {
  return obeyed(call, "resumed", async (bus, name, options) => {
    if (!(await pauseOf(bus, name))) await lanesOf(bus, name);
    return bus.resumeAgent(name, options);
  });
}

export function drain(call: Call): Promise<ExitCode> {
  return obeyed(call, "drained", async (bus, name, options) => {
    await lanesOf(bus, name);
    const instance = call.text("instance");
    return bus.drainAgent(name, {
      ...options,
      ...(instance === undefined ? {} : { instance }),
    });
  });
}

type Order = (
  bus: Bus,
  name: string,
  options: OrderOptions,
) => Promise<InstanceCard[]>;

/** One object, or one line, for each instance that has obeyed. */
function obeyed(call: Call, done: string, order: Order): Promise<ExitCode> {
  const name = call.word(1, "the agent's NAME");
  call.atMost(2);
  const lane = call.text("lane");
  const timeout = call.text("timeout");
  return withBus(call, async (bus) => {
    const instances = await order(bus, name, {
      ...(lane === undefined ? {} : { lane }),
      ...(timeout === undefined
        ? {}
        : { timeout: toDuration(timeout, "--timeout") }),
    });
    const count = instances.length;
    call.output.result(
      { [done]: name, instances: instances.map((card) => card.instance) },
      () =>
        `${done} ${call.output.paint("cyan", name)}${lane === undefined ? "" : `, lane ${lane}`}: ${count} ${count === 1 ? "instance" : "instances"}`,
    );
    return exitCodes.done;
  });
}

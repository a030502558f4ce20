// Where the tour happens: a namespace that nobody else has, so that neither an earlier run nor a user's own
// tasks are met, and all of which is taken away afterwards.
import { rmSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Link } from "../../bus/connection/connection.js";
import { queuesOf } from "../../bus/history/history.js";
import { logger } from "../../bus/connection/log.js";
import type { SubmitOptions } from "../../bus/tasks/submit-options.js";
import type { TaskHandle } from "../../bus/tasks/task-handle.js";
import type { InputOf, OutputOf, Target } from "../../bus/tasks/target.js";
import { newToken } from "../../protocol/ids.js";
import { connect } from "../../connect.js";
import type { Bus } from "../../troupe.js";
import type { Call } from "../verb.js";

export class Grounds implements AsyncDisposable {
  readonly bus: Bus;
  /** As the user gave it, with its credentials, which the bus does not show. */
  readonly url: string;
  /** In words. */
  readonly where: string;
  /** Every task that was submitted, for the count at the end. */
  readonly submitted: string[] = [];
  readonly #clear: () => Promise<void>;

  constructor(
    bus: Bus,
    url: string,
    where: string,
    clear: () => Promise<void>,
  ) {
    this.bus = bus;
    this.url = url;
    this.where = where;
    this.#clear = clear;
  }

  async submit<To extends Target>(
    target: To,
    input: InputOf<To>,
    options: SubmitOptions = {},
  ): Promise<TaskHandle<OutputOf<To>>> {
    const task = await this.bus.submit(target, input, options);
    this.submitted.push(task.id);
    return task;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.bus.close();
    await this.#clear();
  }
}

export function openGrounds(call: Call): Promise<Grounds> {
  // A visitor is not to see the log of what is killed on purpose.
  if (process.env["TROUPE_LOG"] === undefined) logger.level = "silent";
  const url = call.text("url") || process.env["NATS_URL"];
  return url ? onServer(url) : onOwnServer();
}

async function onServer(url: string): Promise<Grounds> {
  const namespace = `tour-${newToken()}`.slice(0, 32);
  const bus = await connect({ url, namespace, name: "troupe tour" });
  const where = `the nats-server at ${bus.url}, in a namespace of its own`;
  return new Grounds(bus, url, where, () => removeNamespace(url, namespace));
}

const everything = { recursive: true, force: true, maxRetries: 3 } as const;

async function onOwnServer(): Promise<Grounds> {
  const directory = await mkdtemp(join(tmpdir(), "troupe-tour-"));
  const clear = () => rm(directory, everything);
  process.once("exit", () => rmSync(directory, everything)); // for Ctrl-C
  try {
    const bus = await connect({ directory, name: "troupe tour" });
    const where = `a nats-server started for it at ${bus.url}, with a store of its own`;
    return new Grounds(bus, bus.url, where, clear);
  } catch (error) {
    await clear();
    throw error;
  }
}

/** Where the server is gone, the tour has said so already, and there is nothing to take away. */
async function removeNamespace(url: string, namespace: string): Promise<void> {
  const link = await Link.open({ url, namespace, timeoutMs: 5_000 }).catch(
    () => undefined,
  );
  if (!link) return;
  const { streams, buckets } = link.subjects;
  const names = [
    ...Object.values(streams),
    ...(await queuesOf(link).catch(() => [])),
    ...Object.values(buckets).map((bucket) => `KV_${bucket}`),
  ];
  await Promise.allSettled(names.map((name) => link.jsm.streams.delete(name)));
  await link.close();
}

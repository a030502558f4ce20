// troupe doctor: looks at all that Troupe needs and says of each whether it is well, and else what to do.
// It changes nothing: where no stream is yet, none is made.
import { Link } from "../bus/connection/connection.js";
import { queuesOf } from "../bus/history/history.js";
import { findServerBinary } from "../bus/server/binary.js";
import {
  startEmbeddedServer,
  type EmbeddedServer,
} from "../bus/server/embedded.js";
import { minimumVersion, compareVersions } from "../bus/server/version.js";
import { errorTable, messageOf, TroupeError } from "../protocol/errors.js";
import { defaultNamespace } from "../protocol/subjects.js";
import { commandLine } from "./command-line.js";
import { exitCodes } from "./exit.js";
import type { Colour } from "./output.js";
import { sizeOf } from "./sizes.js";
import { padTo } from "./table.js";
import { installCommand, loadSdk, telemetryAskedBy } from "./telemetry.js";
import type { Call, Verb } from "./verb.js";

interface Finding {
  check: string;
  state: "ok" | "warn" | "fail";
  message: string;
  /** What to do about it. */
  next?: string;
}

export const doctor: Verb = {
  summary: "Checks that all that Troupe needs is there.",
  usage: ["troupe doctor"],
  options: {},
  example: "troupe doctor --json",
  async run(call) {
    call.atMost(0);
    let failed = false;
    for await (const finding of findings(call)) {
      failed ||= finding.state === "fail";
      call.output.result(finding, () => lineOf(call, finding));
    }
    return failed ? exitCodes.noBus : exitCodes.done;
  },
};

const colours: Readonly<Record<Finding["state"], Colour>> = {
  ok: "green",
  warn: "yellow",
  fail: "red",
};

function lineOf(call: Call, { state, check, message, next }: Finding): string {
  const { output } = call;
  const first = `${output.paint(colours[state], padTo(state, 4))}  ${padTo(check, 12)}  ${message}`;
  return next === undefined ? first : `${first}\n${" ".repeat(20)}→ ${next}`;
}

async function* findings(call: Call): AsyncGenerator<Finding> {
  yield nodeFinding();
  yield await telemetryFinding();
  const url = call.text("url") || process.env["NATS_URL"];
  if (url) {
    yield ok("nats-server", "not needed here: a server is named by its URL");
    return yield* busFindings(call, url);
  }
  const binary = await attempt("nats-server", findServerBinary);
  if (!("value" in binary)) return yield binary.finding;
  const { version, origin, path } = binary.value;
  yield ok("nats-server", `${version} from ${origin}, "${path}"`);
  yield* embeddedFindings(call);
}

async function* embeddedFindings(call: Call): AsyncGenerator<Finding> {
  const started = await attempt("embedded", () => startEmbeddedServer());
  if (!("value" in started)) return yield started.finding;
  await using server: EmbeddedServer = started.value;
  yield ok(
    "embedded",
    `$NATS_URL is not set; its store is "${server.storeDir}"`,
  );
  yield* busFindings(call, server.url);
}

async function* busFindings(call: Call, url: string): AsyncGenerator<Finding> {
  const namespace = call.text("namespace") ?? defaultNamespace;
  const opened = await attempt("connection", () =>
    Link.open({ url, namespace, timeoutMs: 5_000, name: "troupe doctor" }),
  );
  if (!("value" in opened)) return yield opened.finding;
  const link = opened.value;
  try {
    yield serverFinding(link);
    const jetStream = await attempt("jetstream", () =>
      link.jsm.getAccountInfo(),
    );
    if (!("value" in jetStream))
      return yield {
        ...jetStream.finding,
        next: "start nats-server with -js, or enable JetStream in nats.conf",
      };
    yield ok("jetstream", `${jetStream.value.streams} streams in this account`);
    yield* streamFindings(link);
  } finally {
    await link.close();
  }
}

function serverFinding(link: Link): Finding {
  const version = link.nats.info?.version ?? "0.0.0";
  const said = `nats-server ${version} answers at ${link.url}`;
  if (compareVersions(version, minimumVersion) >= 0)
    return ok("connection", said);
  return {
    check: "connection",
    state: "fail",
    message: said,
    next: `Troupe needs ${minimumVersion} or newer: upgrade that server`,
  };
}

async function* streamFindings(link: Link): AsyncGenerator<Finding> {
  const missing: string[] = [];
  const queues = await queuesOf(link).catch(() => []);
  const streams = [
    ...Object.entries(link.subjects.streams),
    ...queues.map((name) => ["queue", name] as const),
  ];
  for (const [what, name] of streams) {
    const info = await link.jsm.streams.info(name).catch(() => undefined);
    if (info === undefined) missing.push(name);
    else yield streamFinding(what, name, info.state);
  }
  if (missing.length > 0)
    yield ok(
      "streams",
      `not there yet: ${missing.join(", ")}; the first connect() makes them`,
    );
}

function streamFinding(
  what: string,
  name: string,
  state: { messages: number; bytes: number; consumer_count: number },
): Finding {
  const { messages, bytes, consumer_count: consumers } = state;
  const message = `${name}: ${messages} messages, ${sizeOf(bytes)}, ${consumers} consumers`;
  if (what === "dead" && messages > 0)
    return {
      check: "stream",
      state: "warn",
      message,
      next: `see why with: ${commandLine`dead ls`}`,
    };
  return ok("stream", message);
}

function nodeFinding(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major > 20 || (major === 20 && minor >= 19))
    return ok("node", process.versions.node);
  return {
    check: "node",
    state: "fail",
    message: process.versions.node,
    next: "install Node 20.19 or newer",
  };
}

async function telemetryFinding(): Promise<Finding> {
  const asked = telemetryAskedBy();
  if (asked === undefined)
    return ok("telemetry", "off; set the OTEL_ variables to trace");
  if (await loadSdk())
    return ok("telemetry", `on, by $${asked}; the SDK is installed`);
  return {
    check: "telemetry",
    state: "warn",
    message: `$${asked} is set, but the SDK is not installed: nothing is traced`,
    next: installCommand(),
  };
}

async function attempt<Value>(
  check: string,
  work: () => Promise<Value>,
): Promise<{ value: Value } | { finding: Finding }> {
  try {
    return { value: await work() };
  } catch (error) {
    const message = messageOf(error).split("\n", 1)[0]!;
    const next =
      error instanceof TroupeError ? errorTable[error.code].advice : undefined;
    const finding: Finding = { check, state: "fail", message };
    return { finding: next === undefined ? finding : { ...finding, next } };
  }
}

const ok = (check: string, message: string): Finding => ({
  check,
  state: "ok",
  message,
});

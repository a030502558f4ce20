// Traces of what the command does, when the OTEL_ variables ask for them. The SDK is optional: where it is
// not installed, that is said once, with the command that installs it (docs/decisions/0003).
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Output } from "./output.js";

const sdkName = "@opentelemetry/sdk-node";
const shutdownMs = 2_000;

interface NodeSdk {
  start(): void;
  shutdown(): Promise<void>;
}
type SdkModule = {
  NodeSDK: new (options: { serviceName: string }) => NodeSdk;
};

interface Telemetry {
  stop(): Promise<void>;
}

const none: Telemetry = { stop: () => Promise.resolve() };

export async function startTelemetry(output: Output): Promise<Telemetry> {
  const asked = telemetryAskedBy();
  if (asked === undefined) return none;
  const sdk = await loadSdk();
  if (!sdk) {
    output.note(
      `warn: $${asked} is set, but ${sdkName} is not installed, so nothing is traced: ${installCommand()}`,
    );
    return none;
  }
  // Troupe makes spans only; the SDK would else send empty metrics and logs to where nobody listens.
  process.env["OTEL_METRICS_EXPORTER"] ??= "none";
  process.env["OTEL_LOGS_EXPORTER"] ??= "none";
  const serviceName = process.env["OTEL_SERVICE_NAME"] ?? "troupe";
  const running = new sdk.NodeSDK({ serviceName });
  running.start();
  return { stop: () => inTime(running.shutdown()) };
}

/** The variable that asks for traces. */
export function telemetryAskedBy(
  environment: NodeJS.ProcessEnv = process.env,
): string | undefined {
  if (environment["OTEL_SDK_DISABLED"] === "true") return undefined;
  if (environment["OTEL_TRACES_EXPORTER"] === "none") return undefined;
  return [
    "OTEL_TRACES_EXPORTER",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
  ].find((name) => (environment[name] ?? "") !== "");
}

/** Its newer lines need Node 22.15. */
export function installCommand(node = process.versions.node): string {
  const [major = 0, minor = 0] = node.split(".").map(Number);
  const isNew = major > 22 || (major === 22 && minor >= 15);
  return `npm install ${sdkName}${isNew ? "" : "@0.223"}`;
}

/** From beside Troupe, else from the project of whoever runs a Troupe that is installed elsewhere. */
export async function loadSdk(): Promise<SdkModule | undefined> {
  for (const from of [import.meta.url, join(process.cwd(), "package.json")]) {
    try {
      const path = createRequire(from).resolve(sdkName);
      const loaded = (await import(pathToFileURL(path).href)) as SdkModule & {
        default?: SdkModule;
      };
      return loaded.NodeSDK === undefined ? loaded.default : loaded;
    } catch {
      continue;
    }
  }
  return undefined;
}

/** An exporter that reaches nobody must not hold up the end of the command. */
async function inTime(shutdown: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, shutdownMs);
  });
  await Promise.race([shutdown.catch(() => undefined), late]);
  clearTimeout(timer);
}

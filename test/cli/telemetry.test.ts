import assert from "node:assert/strict";
import { test } from "node:test";
import { installCommand, telemetryAskedBy } from "../../cli/telemetry.js";
import { troupe } from "./command.js";

test("traces are asked for by the variables that say where they go", () => {
  assert.equal(telemetryAskedBy({}), undefined);
  assert.equal(telemetryAskedBy({ OTEL_SERVICE_NAME: "x" }), undefined);
  assert.equal(
    telemetryAskedBy({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://localhost:4318" }),
    "OTEL_EXPORTER_OTLP_ENDPOINT",
  );
  assert.equal(
    telemetryAskedBy({ OTEL_TRACES_EXPORTER: "console" }),
    "OTEL_TRACES_EXPORTER",
  );
});

test("traces are off where they are switched off", () => {
  const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://localhost:4318" };
  assert.equal(
    telemetryAskedBy({ ...endpoint, OTEL_SDK_DISABLED: "true" }),
    undefined,
  );
  assert.equal(
    telemetryAskedBy({ ...endpoint, OTEL_TRACES_EXPORTER: "none" }),
    undefined,
  );
});

test("the SDK that is to be installed is one that runs on this Node", () => {
  const sdk = "npm install @opentelemetry/sdk-node";
  assert.equal(installCommand("20.19.0"), `${sdk}@0.223`);
  assert.equal(installCommand("22.14.0"), `${sdk}@0.223`);
  assert.equal(installCommand("22.15.0"), sdk);
  assert.equal(installCommand("24.0.0"), sdk);
});

test("a missing SDK is told once and stops nothing", async () => {
  const { code, stderr } = await troupe(["submit", "writer"], {
    env: { OTEL_TRACES_EXPORTER: "console" },
  });
  assert.equal(code, 2);
  assert.match(stderr, /warn: \$OTEL_TRACES_EXPORTER .*npm install @open/);
});

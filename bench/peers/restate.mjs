// Restate: its server, its SDK's endpoint as the worker, and plain HTTP/1.1 with kept-alive connections as
// the client, which was quicker than HTTP/2 and than the SDK's own client. The quickest settings that were
// found: a plain service (neither a workflow nor a virtual object, which would lock a key), finished journals
// not retained, nothing logged, and as many partitions as bench/servers/restate.ts says. Who sleeps or waits
// longer than a second is suspended, so that it costs the worker nothing (the default is a minute).
import { createServer } from "node:http2";
import { once } from "node:events";
import { httpClient } from "./http-client.mjs";

// The SDK's newest version asks for Node 22 only by this one function.
Promise.withResolvers ??= function () {
  let resolve, reject;
  const promise = new this((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
};

export async function openWorker(scene, work) {
  const restate = await import("@restatedev/restate-sdk");
  const listener = restate.createEndpointHandler({
    services: servicesOf(restate, work),
    logger: () => {},
  });
  const endpoint = createServer(listener).listen(scene.workerPort, "127.0.0.1");
  const sessions = new Set();
  endpoint.on("session", (session) => {
    sessions.add(session.once("close", () => sessions.delete(session)));
  });
  await once(endpoint, "listening");
  await register(scene);
  return {
    async close() {
      for (const session of sessions) session.destroy();
      await new Promise((resolve) => endpoint.close(resolve));
    },
  };
}

function servicesOf(restate, work) {
  const suspended = { inactivityTimeout: 1000, journalRetention: 0 };
  // A worker that is away is tried again at once, not after a pause that doubles.
  const retryPolicy = { initialInterval: 100, maxInterval: 100 };
  return [
    restate.service({
      name: "bench",
      handlers: {
        three: async (context, input) => {
          const one = await context.run("one", () => work.one(input));
          const two = await context.run("two", () => work.two(one));
          return { text: await context.run("three", () => work.three(two)) };
        },
        sleeper: restate.handlers.handler(suspended, async (context, input) => {
          await context.sleep(
            await context.run("asleep", () => work.asleep(input)),
          );
          await context.run("woken", () => work.woken());
        }),
      },
      options: { journalRetention: 0 },
    }),
    restate.workflow({
      name: "long",
      handlers: {
        run: restate.handlers.workflow.workflow(
          suspended,
          async (context, { steps }) => {
            for (let at = 0; at < steps; at++)
              await context.run(`step-${at}`, () => work.tick());
            await context.promise("go");
            await context.run("replayed", () => work.replayed());
          },
        ),
        go: restate.handlers.workflow.shared((context) =>
          context.promise("go").resolve(true),
        ),
      },
      options: { retryPolicy },
    }),
  ];
}

/** The server asks the worker what it offers; asking twice changes nothing. */
async function register({ adminUrl, workerPort }) {
  const uri = `http://127.0.0.1:${workerPort}`;
  const answer = await fetch(`${adminUrl}/deployments`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ uri }),
  });
  if (!answer.ok)
    throw new Error(`Restate refused the worker: ${await answer.text()}`);
}

export async function openClient(scene) {
  const { post, close } = httpClient(scene.url);
  return {
    run: (input) => post("/bench/three", input),
    sleep: (until) => post("/bench/sleeper/send", { until }),
    startLong: (id, steps) => post(`/long/${id}/run/send`, { steps }),
    signalLong: (id) => post(`/long/${id}/go/send`),
    close,
  };
}

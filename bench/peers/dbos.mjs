// DBOS over PostgreSQL. DBOS is a library: who starts a workflow runs it. So the client asks the worker by
// HTTP, as users of a service would, and the worker starts the workflow and awaits it; DBOS's own way between
// processes, a queue in the database that is polled (10 ms), made half as many and took six times as
// long for one at a time. The default pool of ten connections was the quickest.
import { once } from "node:events";
import { createServer } from "node:http";
import { DBOS, DBOSClient } from "@dbos-inc/dbos-sdk";
import { httpClient } from "./http-client.mjs";

// Its PostgreSQL client warns of what DBOS does.
process.noDeprecation = true;

export async function openWorker(scene, work) {
  const workflows = workflowsOf(work);
  DBOS.setConfig({
    name: "bench",
    systemDatabaseUrl: scene.url,
    // The same of every run, so that what a dead worker left is taken up by the next.
    applicationVersion: "1",
    logLevel: "error",
    tracingEnabled: false,
  });
  await DBOS.launch();
  const server = createServer((asked, answer) => {
    respond(workflows, asked, answer).catch((error) => {
      answer.statusCode = 500;
      answer.end(String(error.stack));
    });
  });
  server.listen(scene.workerPort, "127.0.0.1");
  await once(server, "listening");
  return {
    async close() {
      server.closeAllConnections();
      server.close();
      await DBOS.shutdown();
    },
  };
}

function workflowsOf(work) {
  const step = (name, run) => DBOS.runStep(async () => run(), { name });
  const register = (name, run) => DBOS.registerWorkflow(run, { name });
  return {
    three: register("three", async (input) => {
      const one = await step("one", () => work.one(input));
      const two = await step("two", () => work.two(one));
      return { text: await step("three", () => work.three(two)) };
    }),
    sleeper: register("sleeper", async (input) => {
      await DBOS.sleep(await step("asleep", () => work.asleep(input)));
      await step("woken", () => work.woken());
    }),
    long: register("long", async ({ steps }) => {
      for (let at = 0; at < steps; at++)
        await step(`step-${at}`, () => work.tick());
      await DBOS.recv("go", 600);
      await step("replayed", () => work.replayed());
    }),
  };
}

async function respond(workflows, asked, answer) {
  let text = "";
  asked.setEncoding("utf8");
  for await (const chunk of asked) text += chunk;
  const [, name, id] = asked.url.split("/");
  const options = id === undefined ? {} : { workflowID: id };
  const handle = await DBOS.startWorkflow(
    workflows[name],
    options,
  )(JSON.parse(text));
  answer.end(name === "three" ? JSON.stringify(await handle.getResult()) : "");
}

export async function openClient(scene) {
  const { post, close } = httpClient(`http://127.0.0.1:${scene.workerPort}`);
  const database = await DBOSClient.create({
    systemDatabaseUrl: scene.url,
    applicationName: "bench",
  });
  return {
    run: (input) => post("/three", input),
    sleep: (until) => post("/sleeper", { until }),
    startLong: (id, steps) => post(`/long/${id}`, { steps }),
    signalLong: (id) => database.send(id, true, "go"),
    async close() {
      await close();
      await database.destroy();
    },
  };
}

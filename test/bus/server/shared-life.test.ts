// Several processes and one server: who is given which, and with whom it ends. Kills are kill -9.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { connect } from "@nats-io/transport-node";
import { connect as dial } from "../../../index.js";
import { startEmbeddedServer } from "../../../bus/server/embedded.js";
import { identityOf, isRunning } from "../../../bus/server/process-identity.js";
import { doer, quiet } from "../../support/doer.js";
import { withEnvironment } from "../../support/environment.js";
import { eventually } from "../../support/eventually.js";
import { serverHolder } from "../../support/server-holder.js";
import { temporaryDirectory } from "../../support/temporary-directory.js";

test("the server ends within a second or so after its only user was killed", async (t) => {
  const directory = await temporaryDirectory(t);
  await using holder = await serverHolder(directory);
  const everything = await processesOf(directory);
  assert.equal(everything.length, 3);
  await holder.kill();
  await allGone(everything, 3000);
});

test("one that was killed is started again where it was by whoever uses it, and all go on", async (t) => {
  const directory = await temporaryDirectory(t);
  await withEnvironment({ NATS_URL: undefined }, async () => {
    await using worker = await dial({ directory });
    await using caller = await dial({ directory });
    const echo = doer((input) => input);
    await worker.serve(echo, quiet);
    for (let round = 0; round < 2; round++) {
      const [server] = await processesOf(directory);
      kill9(server!);
      await allGone([server!], 3000);
      const options = { timeout: "1m" } as const;
      assert.equal(await caller.call(echo.skills.do, round, options), round);
    }
  });
});

test("Ctrl-C reaches its user, but neither the server nor its watchdog", async (t) => {
  const directory = await temporaryDirectory(t);
  await using holder = await serverHolder(directory);
  await holder.interrupt();
  const connection = await connect({
    servers: `nats://127.0.0.1:${holder.server.port}`,
  });
  await connection.flush();
  await connection.close();
  await holder.stop();
  assert.equal(await isRunning(await identityOf(holder.server.pid)), false);
});

test("another process is given the server that runs, and its stop leaves it running", async (t) => {
  const directory = await temporaryDirectory(t);
  await using server = await startEmbeddedServer({ directory });
  const identity = await identityOf(server.pid);
  await using holder = await serverHolder(directory);
  assert.deepEqual(holder.server, { pid: server.pid, port: server.port });
  await holder.stop();
  assert.equal(await isRunning(identity), true);
  const connection = await connect({ servers: server.url });
  await connection.close();
});

test("the server outlives the process that started it while another one uses it", async (t) => {
  const directory = await temporaryDirectory(t);
  await using starter = await serverHolder(directory);
  await using joiner = await serverHolder(directory);
  assert.equal(joiner.server.pid, starter.server.pid);
  await starter.kill();
  const everything = await processesOf(directory);
  const third = await startEmbeddedServer({ directory });
  assert.equal(third.pid, starter.server.pid);
  await third.stop();
  const connection = await connect({ servers: third.url });
  await connection.close();
  await joiner.kill();
  await allGone(everything, 3000);
});

test("processes that start at the same moment share one server", async (t) => {
  const directory = await temporaryDirectory(t);
  const holders = await Promise.all(
    Array.from({ length: 6 }, () => serverHolder(directory)),
  );
  const pids = new Set(holders.map(({ server }) => server.pid));
  assert.equal(pids.size, 1);
  const everything = await processesOf(directory);
  await Promise.all(holders.map((holder) => holder.kill()));
  await allGone(everything, 3000);
});

test("a start while the last user's death is ending the server gives a server that lives", async (t) => {
  const directory = await temporaryDirectory(t);
  for (let round = 0; round < 10; round++) {
    await using holder = await serverHolder(directory);
    const killed = holder.kill();
    await using server = await startEmbeddedServer({ directory });
    await killed;
    const connection = await connect({ servers: server.url });
    await connection.flush();
    assert.equal(await isRunning(await identityOf(server.pid)), true);
    await connection.close();
  }
});

test("what a kill of everything leaves behind does not hinder the next start", async (t) => {
  const directory = await temporaryDirectory(t);
  await using holder = await serverHolder(directory);
  const everything = await processesOf(directory);
  await holder.kill();
  for (const identity of everything) kill9(identity);
  await allGone(everything, 3000);
  await using server = await startEmbeddedServer({ directory });
  assert.notEqual(server.pid, holder.server.pid);
});

test("a server whose watchdog was killed is ended, not shared, by the next start", async (t) => {
  const directory = await temporaryDirectory(t);
  await using holder = await serverHolder(directory);
  const [server = "", reader = "", watchdog = ""] =
    await processesOf(directory);
  kill9(watchdog);
  kill9(reader);
  await allGone([reader, watchdog], 3000);
  await using next = await startEmbeddedServer({ directory });
  assert.notEqual(next.pid, holder.server.pid);
  assert.equal(await isRunning(server), false);
});

test("the lock and the process numbers of a machine that was switched off are taken for what they are", async (t) => {
  const directory = await temporaryDirectory(t);
  const run = join(directory, "server");
  await mkdir(join(run, "users"), { recursive: true });
  // This very process has the number, but not the start: another one had it then.
  const stranger = `${process.pid}@1`;
  await writeFile(join(run, "lock"), `${stranger}@0`);
  await writeFile(join(run, `lock.${stranger}@0`), `${stranger}@0`);
  await writeFile(join(run, "pids"), `${process.pid} ${process.pid} 1\n`);
  await writeFile(join(run, "users", stranger), "");
  await writeFile(join(run, "hold"), "a copied folder may have a plain file");
  const server = await startEmbeddedServer({ directory });
  const identity = await identityOf(server.pid);
  await server.stop();
  assert.equal(await isRunning(identity), false);
  const names = await readdir(run);
  assert.deepEqual(
    names.filter((name) => name.startsWith("lock")),
    [],
  );
});

test("a program that neither stops the server nor does anything else ends, and the server with it", async (t) => {
  const directory = await temporaryDirectory(t);
  const entry = new URL("../../../bus/server/embedded.js", import.meta.url);
  const program = `
    const { startEmbeddedServer } = await import(${JSON.stringify(entry.href)});
    await startEmbeddedServer({ directory: ${JSON.stringify(directory)} });`;
  const { stderr } = await promisify(execFile)(
    process.execPath,
    ["--input-type=module", "-e", program],
    { timeout: 30_000 },
  );
  assert.equal(stderr, "");
  await allGone(await processesOf(directory), 3000);
});

test("a server that does not heed SIGTERM is killed after ten seconds", async (t) => {
  const directory = await temporaryDirectory(t);
  const server = await startEmbeddedServer({ directory });
  const identity = await identityOf(server.pid);
  process.kill(server.pid, "SIGSTOP");
  await server.stop();
  assert.equal(await isRunning(identity), false);
});

/** Server, reader and watchdog, as identities. */
async function processesOf(directory: string): Promise<string[]> {
  const text = await readFile(join(directory, "server/pids"), "utf8");
  return Promise.all(text.trim().split(" ").map(Number).map(identityOf));
}

async function allGone(identities: string[], timeoutMs: number): Promise<void> {
  await eventually(
    async () => !(await Promise.all(identities.map(isRunning))).includes(true),
    { timeoutMs, what: `the end of ${identities.join(", ")}` },
  );
}

function kill9(identity: string): void {
  try {
    process.kill(Number(identity.split("@")[0]), "SIGKILL");
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, "ESRCH");
  }
}

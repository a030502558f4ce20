import assert from "node:assert/strict";
import { test } from "node:test";
import { connect } from "../../../index.js";
import { Link } from "../../../bus/connection/connection.js";
import { reading } from "../../../bus/connection/reading.js";
import { endOf, eventsOf } from "../../../bus/history/history.js";
import { messageOf } from "../../../protocol/errors.js";
import { doer, quiet } from "../../support/doer.js";
import { eventually } from "../../support/eventually.js";
import { testServer } from "../../support/server.js";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();
const never = () => new Promise<never>(() => undefined);
/** Less than a read waits for its connection. */
const soon = (since: number) =>
  assert.ok(performance.now() - since < 4_000, "it was told soon");

test("what is read before, while and after the server dies is answered when it is back, and not by an error", async (t) => {
  await using server = await testServer();
  const bus = await connect({ url: server.url });
  t.after(() => bus.close());
  const echo = doer((input) => input);
  await bus.serve(echo, quiet);
  assert.equal(await bus.call(echo.skills.do, 1, { id: "t1" }), 1);
  const { url } = server;
  const link = await Link.open({ url, namespace: "troupe", timeoutMs: 5_000 });
  t.after(() => link.close());
  const reads: Promise<string>[] = [];
  const read = () => {
    const end = endOf(link, "t1", "doer").then((found) => found?.subject);
    const events = eventsOf(link, "t1", "doer").then((all) => all[0]?.kind);
    for (const each of [end, events])
      reads.push(each.then(String, (error: unknown) => messageOf(error)));
  };
  const reader = setInterval(read, 5);
  t.after(() => clearInterval(reader));
  for (let round = 0; round < 3; round++) {
    await eventually(() => link.connected && reads.length > 20);
    await server.kill();
    await eventually(() => !link.connected);
    read();
    await server.restart();
  }
  clearInterval(reader);
  const answers = new Set(await Promise.all(reads));
  assert.ok(answers.delete("completed"));
  assert.match(
    [...answers].join("; "),
    /^troupe\.event\.task\.doer\.t1\.end\.\S+$/,
  );
});

test("a read whose connection is lost again and again is given up", async (t) => {
  const link = await shared.link(t);
  let asked = 0;
  const lost = reading(link, () => {
    asked++;
    void link.nats.reconnect();
    return never();
  });
  await assert.rejects(lost, { message: "the connection was lost" });
  assert.equal(asked, 3);
});

test("a read that fails by itself is not made again, and none leaves a listener behind", async (t) => {
  const link = await shared.link(t);
  let listeners = 0;
  const onState = link.onState.bind(link);
  link.onState = (listener) => {
    const forget = onState(listener);
    listeners++;
    return () => {
      listeners--;
      forget();
    };
  };
  let asked = 0;
  const failing = reading(link, () => {
    asked++;
    return Promise.reject(new Error("no such message"));
  });
  await assert.rejects(failing, { message: "no such message" });
  assert.equal(asked, 1);
  assert.equal(await reading(link, () => Promise.resolve("found")), "found");
  assert.equal(listeners, 0);
});

test("who reads on a closed connection, or while it is closed, is told so soon", async (t) => {
  const link = await shared.link(t);
  const begun = performance.now();
  let asked = 0;
  const under = reading(link, () => {
    asked++;
    return never();
  });
  await link.close();
  await assert.rejects(under, { code: "CONNECTION_CLOSED" });
  const late = reading(link, () => Promise.resolve(asked++));
  await assert.rejects(late, { code: "CONNECTION_CLOSED" });
  assert.equal(asked, 1);
  soon(begun);
});

test("who waits for the connection to come back is told soon that it was closed", async (t) => {
  await using server = await testServer();
  const { url } = server;
  const link = await Link.open({ url, namespace: "troupe", timeoutMs: 5_000 });
  t.after(() => link.close());
  await server.kill();
  await eventually(() => !link.connected);
  const begun = performance.now();
  const waiting = reading(link, () => Promise.resolve("found"));
  await Promise.all([
    assert.rejects(waiting, { code: "CONNECTION_CLOSED" }),
    link.close(),
  ]);
  soon(begun);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { connect } from "../../../index.js";
import { Link } from "../../../bus/connection/connection.js";
import { endOf, eventsOf } from "../../../bus/history/history.js";
import { messageOf } from "../../../protocol/errors.js";
import { doer, quiet } from "../../support/doer.js";
import { eventually } from "../../support/eventually.js";
import { testServer } from "../../support/server.js";

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

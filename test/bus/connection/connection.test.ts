import assert from "node:assert/strict";
import { test } from "node:test";
import { Link } from "../../../bus/connection/connection.js";
import { eventually } from "../../support/eventually.js";
import { testServer } from "../../support/server.js";

test("a subscription that the server refuses leaves the connection as it was", async () => {
  await using server = await testServer({
    extraConfig: `authorization { users: [
      { user: deaf, password: pw, permissions: { publish: ">", subscribe: "open.>" } }
    ] }`,
  });
  const url = server.url.replace("nats://", "nats://deaf:pw@");
  const link = await Link.open({ url, namespace: "n", timeoutMs: 5_000 });
  try {
    link.log.level = "silent";
    const refused: string[] = [];
    link.onRefusal(({ operation, subject }) =>
      refused.push(`${operation} ${subject}`),
    );
    link.listen("closed.>", () => assert.fail("nothing can come"));
    await eventually(
      () => assert.deepEqual(refused, ["subscription closed.>"]) ?? true,
    );
    const heard: string[] = [];
    link.listen("open.>", (msg) => heard.push(msg.subject));
    link.send("open.a", new Uint8Array(0));
    await eventually(() => heard.length === 1);
  } finally {
    await link.close();
  }
});

test("what a listener throws costs that message alone", async () => {
  await using server = await testServer();
  const link = await Link.open({
    url: server.url,
    namespace: "n",
    timeoutMs: 5_000,
  });
  try {
    link.log.level = "silent";
    const heard: string[] = [];
    link.listen("open.>", (msg) => {
      if (msg.subject === "open.bad") throw new Error("cannot");
      heard.push(msg.subject);
    });
    for (const subject of ["open.bad", "open.good"])
      link.send(subject, new Uint8Array(0));
    await eventually(() => heard.includes("open.good"));
  } finally {
    await link.close();
  }
});

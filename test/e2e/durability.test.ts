// What must survive is what the server really gives, or connecting is refused.
import assert from "node:assert/strict";
import { test } from "node:test";
import { connect, type Durability } from "../../index.js";
import { doer, quiet } from "../support/doer.js";
import { sharedServer } from "../support/shared-server.js";
import { temporaryDirectory } from "../support/temporary-directory.js";
import { withEnvironment } from "../support/environment.js";

const shared = sharedServer();

test("an embedded server gives durability to the disk", async (t) => {
  const directory = await temporaryDirectory(t);
  await withEnvironment({ NATS_URL: undefined }, async () => {
    await using bus = await connect({ directory, durability: "disk" });
    const echo = doer((input) => input);
    await bus.serve(echo, quiet);
    const calls = Array.from({ length: 50 }, (_, at) =>
      bus.call(echo.skills.do, at),
    );
    assert.deepEqual(
      await Promise.all(calls),
      calls.map((_, at) => at),
    );
  });
});

for (const durability of ["disk", "quorum"] satisfies Durability[])
  test(`a server that is not known to give durability "${durability}" is refused`, async () => {
    await assert.rejects(connect({ url: shared.server.url, durability }), {
      code: "DURABILITY_REFUSED",
      message: new RegExp(`durability "${durability}" .*: .*`),
    });
  });

test("an embedded server is refused where a quorum is asked for", async (t) => {
  const directory = await temporaryDirectory(t);
  await withEnvironment({ NATS_URL: undefined }, () =>
    assert.rejects(connect({ directory, durability: "quorum" }), {
      code: "DURABILITY_REFUSED",
      message: /needs a cluster .* single server/,
    }),
  );
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { isNotFound } from "../../../bus/history/batch.js";
import { TroupeError } from "../../../protocol/errors.js";

test("that nothing is there only the server can say, and no address that looks like it", () => {
  assert.equal(isNotFound(new Error("message not found")), true);
  const url = "nats://127.0.0.1:24043";
  const closed = new TroupeError(
    "CONNECTION_CLOSED",
    `the connection to ${url} is closed: connect again`,
  );
  assert.equal(isNotFound(closed), false);
});

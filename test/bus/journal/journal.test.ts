import assert from "node:assert/strict";
import { test } from "node:test";
import { readJournal } from "../../../bus/journal/journal.js";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();

test("asking for the journal of a task with a name that cannot be is refused, and leaves nothing behind", async (t) => {
  const link = await shared.link(t);
  await assert.rejects(readJournal(link, { agent: "one", taskId: "" }), {
    code: "ARGUMENT_INVALID",
  });
});

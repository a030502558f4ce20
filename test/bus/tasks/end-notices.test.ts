// How ends are told: alone and early, or many in one message.
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { Link } from "../../../bus/connection/connection.js";
import { headersOf } from "../../../bus/delivery/delivery.js";
import { EndNotices } from "../../../bus/tasks/end-notices.js";
import { ToldEnds } from "../../../bus/tasks/told-ends.js";
import { parseBatch } from "../../../protocol/batch.js";
import type { ContentType } from "../../../protocol/headers.js";
import { completedBody } from "../../../protocol/task-event-bodies.js";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();

const endOf = (
  id: string,
  agent: string,
  origin: string,
  contentType: ContentType = "msgpack",
) => ({
  agent,
  origin,
  contentType,
  body: completedBody(id, "done", undefined, contentType),
});

/** What was told, message by message. */
async function opened(t: TestContext) {
  const link = await shared.link(t);
  const told: string[] = [];
  link.listen(`${link.subjects.namespace}.ended.>`, (msg) => {
    const place = msg.subject.slice(link.subjects.namespace.length + 7);
    const responses = parseBatch(msg.data, headersOf(msg).contentType);
    told.push(`${place}: ${responses.map(({ id }) => id).join(" ")}`);
  });
  await link.flush();
  return { link, told, notices: new EndNotices(link) };
}

test("an end goes alone when the one before did, and not while another is under way or after a burst", async (t) => {
  const { notices } = await opened(t);
  assert.equal(notices.begin(), true);
  notices.finish();
  assert.equal(notices.begin(), true, "as the one before");
  assert.equal(notices.begin(), false, "another is under way");
  notices.finish();
  assert.equal(notices.begin(), false, "one is still under way");
  notices.finish();
  notices.finish();
  assert.equal(notices.begin(), false, "after a burst");
  notices.finish();
  assert.equal(notices.begin(), true, "the burst is over");
});

test("ends of a burst go together by agent, submitter and content type", async (t) => {
  const { link, told, notices } = await opened(t);
  notices.tell(endOf("1", "a", "x"));
  notices.tell(endOf("2", "b", "x"));
  notices.tell(endOf("3", "a", "y"));
  notices.tell(endOf("4", "a", "x", "json"));
  notices.tell(endOf("5", "a", "x"));
  notices.tell(endOf("6", "a", "x", "json"));
  await Promise.resolve();
  notices.tell(endOf("7", "a", "x"));
  await Promise.resolve();
  await link.flush();
  assert.deepEqual(told, [
    "a.x: 1 5",
    "b.x: 2",
    "a.y: 3",
    "a.x: 4 6",
    "a.x: 7",
  ]);
});

test("an end in JSON that is told early is read as what it is", async (t) => {
  const { link, told, notices } = await opened(t);
  notices.foretell(endOf("1", "a", "x", "json"), "nobody.hears");
  await link.flush();
  assert.deepEqual(told, ["a.x: 1"]);
});

/** A submitter, who is told the ends of tasks early. */
async function submitter(t: TestContext) {
  const link = await shared.link(t);
  const heard: string[] = [];
  new ToldEnds(link, (_agent, { id }) => heard.push(id));
  await link.flush();
  const notices = new EndNotices(link);
  const confirmationOf = (id: string) =>
    link.subjects.confirmation(link.origin, "worker", id);
  return {
    link,
    heard,
    foretell: (id: string) =>
      notices.foretell(endOf(id, "a", link.origin), confirmationOf(id)),
    confirm: (id: string) => confirm(link, confirmationOf(id)),
  };
}

const confirm = (link: Link, subject: string): void =>
  link.send(subject, Buffer.from('{"stream":"EVENTS", "seq":1}'));

test("an end whose acknowledgement comes twice is told once", async (t) => {
  const { link, heard, foretell, confirm } = await submitter(t);
  foretell("1");
  confirm("1");
  confirm("1");
  await link.flush();
  assert.deepEqual(heard, ["1"]);
});

test("a notice waits for its acknowledgement while thousands of others come, and not for ever", async (t) => {
  const { link, heard, foretell, confirm } = await submitter(t);
  const others = async (name: string) => {
    for (let count = 0; count < 4_096; count++) foretell(`${name}-${count}`);
    await link.flush();
  };
  foretell("early");
  await others("a");
  confirm("early");
  await link.flush();
  assert.deepEqual(heard, ["early"]);
  foretell("forgotten");
  await others("b");
  await others("c");
  confirm("forgotten");
  confirm("c-4000");
  await link.flush();
  assert.deepEqual(heard, ["early", "c-4000"]);
});

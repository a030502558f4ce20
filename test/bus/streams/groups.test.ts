// What goes together at durability "disk", and what waits meanwhile.
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { asNatsHeaders } from "../../../bus/connection/wire-headers.js";
import {
  GroupCommit,
  type Group,
  type Groupable,
} from "../../../bus/streams/group-commit.js";
import { encodeHeaders } from "../../../protocol/headers.js";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();

/** Groups as they leave; they are answered by who tests. */
async function opened(t: TestContext) {
  const link = await shared.link(t);
  const sent: Group<Groupable>[] = [];
  const groups = new GroupCommit<Groupable>(link, {
    sendAlone: (_message, group) => {
      if (sent.at(-1) !== group) sent.push(group);
    },
    expectAnswer(group) {
      group.id = "batch";
      sent.push(group);
      return "nobody.hears";
    },
  });
  const { namespace } = link.subjects;
  const add = (subject: string, bytes = 1) => {
    const message: Groupable = {
      subject: `${namespace}.${subject}`,
      headers: asNatsHeaders(encodeHeaders({})),
      body: new Uint8Array(bytes),
      resendAt: 0,
    };
    return { message, added: groups.add(message) };
  };
  const answer = (group: Group<Groupable>) => groups.answered(group);
  const sizes = () => sent.map(({ messages }) => messages.length);
  return { groups, sent, sizes, add, answer };
}

test("two groups are under way; what comes meanwhile waits and is not sent again, and goes together at the next answer", async (t) => {
  const { sent, sizes, add, answer } = await opened(t);
  for (let at = 0; at < 5; at++) {
    const { message } = add("event.task.a");
    assert.equal(message.resendAt, Number.POSITIVE_INFINITY);
    await Promise.resolve();
  }
  assert.deepEqual(sizes(), [1, 1]);
  answer(sent[0]!);
  assert.deepEqual(sizes(), [1, 1, 3]);
});

test("a group that has ended makes room once, however often that is said", async (t) => {
  const { sent, sizes, add, answer } = await opened(t);
  for (let at = 0; at < 3; at++) {
    add("event.task.a");
    await Promise.resolve();
  }
  answer(sent[0]!);
  answer(sent[0]!);
  add("event.task.a");
  await Promise.resolve();
  assert.deepEqual(sizes(), [1, 1, 1]);
});

test("few messages each go alone, and make room when all of them are answered; many go as a batch, which has one answer", async (t) => {
  const { sent, sizes, add, answer } = await opened(t);
  const addMany = async (count: number) => {
    for (let at = 0; at < count; at++) add("event.task.a");
    await Promise.resolve();
  };
  await addMany(2);
  await addMany(100);
  await addMany(1);
  assert.deepEqual(sizes(), [2, 100]);
  assert.deepEqual(
    sent.map(({ id }) => id),
    [undefined, "batch"],
  );
  answer(sent[0]!);
  assert.deepEqual(sizes(), [2, 100]);
  answer(sent[0]!);
  assert.deepEqual(sizes(), [2, 100, 1]);
  await addMany(1);
  assert.deepEqual(sizes(), [2, 100, 1]);
  answer(sent[1]!);
  assert.deepEqual(sizes(), [2, 100, 1, 1]);
});

test("a group is no larger than the server takes, in messages and in bytes", async (t) => {
  const { sent, sizes, add, answer } = await opened(t);
  for (let at = 0; at < 1_100; at++) add("event.task.a");
  await Promise.resolve();
  assert.deepEqual(sizes(), [500, 500]);
  answer(sent[0]!);
  assert.deepEqual(sizes(), [500, 500, 100]);
  for (let at = 0; at < 5; at++) add("task.normal.a.main.s.t", 1_000_000);
  await Promise.resolve();
  assert.deepEqual(sizes().slice(3), [4, 1]);
});

test("what goes to different streams does not go together, and what may not be in a batch goes as ever", async (t) => {
  const { sent, add } = await opened(t);
  for (const agent of ["a", "b"]) {
    add(`task.normal.${agent}.main.s.t1`);
    add(`keyed.${agent}.main.k.t2`);
  }
  add("event.task.t1");
  for (const id of ["t1", "t2"]) add(`journal.a.${id}.entries`);
  const others = ["timer.a.t1", "due.a.t1", "dead.a.s.t1"];
  for (const subject of [...others, "journal.a.t1.signal.go.1"])
    assert.equal(add(subject).added, false, subject);
  await Promise.resolve();
  assert.deepEqual(
    sent.map(({ messages }) =>
      messages.map(({ subject }) => subject.split(".").slice(1).join(".")),
    ),
    [
      ["task.normal.a.main.s.t1", "keyed.a.main.k.t2"],
      ["task.normal.b.main.s.t1", "keyed.b.main.k.t2"],
      ["event.task.t1"],
      ["journal.a.t1.entries", "journal.a.t2.entries"],
    ],
  );
});

test("when the connection is lost what waits is forgotten, and what comes then waits for no answer of before", async (t) => {
  const { groups, sizes, add } = await opened(t);
  for (let at = 0; at < 4; at++) {
    add("event.task.a");
    await Promise.resolve();
  }
  assert.deepEqual(sizes(), [1, 1]);
  add("task.normal.a.main.s.t1"); // is about to go
  groups.clear();
  await Promise.resolve();
  groups.pump();
  assert.deepEqual(sizes(), [1, 1]);
  add("event.task.a");
  await Promise.resolve();
  assert.deepEqual(sizes(), [1, 1, 1]);
});

import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { Link } from "../../../bus/connection/connection.js";
import {
  fewMessagesOn,
  newestOnEach,
  messagesOn,
  type StoredMessage,
} from "../../../bus/history/stored.js";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();

/** Subjects of a stream of its own, published in this order. */
async function stored(t: TestContext, subjects: string[]): Promise<Link> {
  const link = await shared.link(t);
  const name = nameOf(t);
  await link.jsm.streams.add({
    name,
    subjects: [`${name}.>`],
    allow_direct: true,
  });
  await Promise.all(
    subjects.map((subject) => link.js.publish(`${name}.${subject}`, subject)),
  );
  return link;
}

const nameOf = (t: TestContext): string => `LOG_${shared.namespaceOf(t)}`;

async function all(
  messages: AsyncIterable<StoredMessage>,
): Promise<StoredMessage[]> {
  const found: StoredMessage[] = [];
  for await (const message of messages) found.push(message);
  return found;
}

const many = (subject: (at: number) => string, count: number): string[] =>
  Array.from({ length: count }, (_, at) => subject(at));

test("reading page after page leaves no subscription behind", async (t) => {
  const link = await stored(
    t,
    many((at) => `a.${at % 7}`, 600),
  );
  const { protocol } = link.nats as unknown as {
    protocol: { subscriptions: { size(): number } };
  };
  const before = protocol.subscriptions.size();
  const found = await all(messagesOn(link, nameOf(t), `${nameOf(t)}.a.*`));
  assert.equal(found.length, 600);
  await all(messagesOn(link, nameOf(t), `${nameOf(t)}.none`));
  assert.equal(protocol.subscriptions.size(), before);
});

test("a few messages of a large stream come in their order, whatever their subjects", async (t) => {
  const link = await stored(t, [
    ...many((at) => `other.${at}`, 300),
    "mine.b",
    "mine.a",
    "other.x",
    "mine.b",
    "mine.c",
  ]);
  const found = await fewMessagesOn(link, nameOf(t), `${nameOf(t)}.mine.*`);
  const sequences = found.map(({ sequence }) => sequence);
  assert.deepEqual(
    found.map(({ subject }) => subject.slice(`${nameOf(t)}.mine.`.length)),
    ["b", "a", "b", "c"],
  );
  assert.deepEqual(
    sequences,
    sequences.toSorted((a, b) => a - b),
  );
  const none = await fewMessagesOn(link, nameOf(t), `${nameOf(t)}.none.*`);
  assert.deepEqual(none, []);
});

test("what comes while few are read leaves no gap among them", async (t) => {
  const link = await stored(t, ["mine.often"]);
  const atOnce = 8;
  const subjects = many(
    (at) => (at % 2 === 0 ? "mine.often" : `mine.${at}`),
    400,
  );
  const publishing = (async () => {
    for (let at = 0; at < subjects.length; at += atOnce)
      await Promise.all(
        subjects
          .slice(at, at + atOnce)
          .map((subject) => link.js.publish(`${nameOf(t)}.${subject}`)),
      );
  })();
  for (let count = 0; count <= subjects.length;) {
    const found = await fewMessagesOn(link, nameOf(t), `${nameOf(t)}.mine.*`);
    count = found.length;
    const sequences = found.map(({ sequence }) => sequence);
    assert.deepEqual(
      sequences,
      sequences.map((_, at) => at + 1),
    );
  }
  await publishing;
});

test("where they are not few they come all the same", async (t) => {
  for (const count of [257, 1_100]) {
    const link = await stored(
      t,
      many((at) => `many${count}.${at}`, count),
    );
    const filter = `${nameOf(t)}.many${count}.*`;
    for (const read of [fewMessagesOn, newestOnEach]) {
      const found = await read(link, nameOf(t), filter);
      assert.equal(new Set(found.map(({ subject }) => subject)).size, count);
      assert.equal(found.length, count);
    }
  }
});

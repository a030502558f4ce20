import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { levels } from "../../protocol/levels.js";
import {
  parseDeadSubject,
  parseKeyedSubject,
  parseTaskEventSubject,
  parseTaskSubject,
} from "../../protocol/addresses.js";
import {
  partitionCount,
  partitionOf,
  subjectsOf,
} from "../../protocol/subjects.js";
import { decodeToken, encodeToken } from "../../protocol/tokens.js";

const subjects = subjectsOf("troupe");
/** Any text that fits into a token: one code point takes up to twelve characters of it. */
const name = fc.string({ unit: "binary", minLength: 1, maxLength: 21 });
const nasty = fc
  .array(
    fc.constantFrom(".", "*", ">", " ", "\r", "\n", "\t", "%", "\0", "ä", "a"),
    { minLength: 1, maxLength: 20 },
  )
  .map((parts) => parts.join(""));
const plain = { noNullPrototype: true };
const anyName = fc.oneof(name, nasty);

test("any name comes back from its token", () => {
  fc.assert(
    fc.property(anyName, (text) => {
      assert.equal(decodeToken(encodeToken(text)), text);
    }),
  );
});

test("a token has nothing that NATS gives a meaning, whatever the name", () => {
  fc.assert(
    fc.property(anyName, (text) => {
      assert.match(encodeToken(text), /^[A-Za-z0-9_~%-]+$/);
    }),
  );
});

test("different names have different tokens", () => {
  fc.assert(
    fc.property(anyName, anyName, (one, other) => {
      assert.equal(encodeToken(one) === encodeToken(other), one === other);
    }),
  );
});

test("half a character, which no text on the wire can hold, is refused and not mistaken for another", () => {
  for (const text of ["\ud800", "a\udc00b"])
    assert.throws(() => encodeToken(text, "task id"), {
      code: "ARGUMENT_INVALID",
      message: /task id .* half a character/,
    });
});

test("an empty name, one of 10 kB, and one that only its encoding makes too long are refused", () => {
  for (const [text, says] of [
    ["", /empty/],
    ["x".repeat(10_000), /10000 characters/],
    ["ä".repeat(50), /50 characters/],
  ] as const)
    assert.throws(() => encodeToken(text, "agent"), {
      code: "ARGUMENT_INVALID",
      message: says,
    });
});

test("a task's subject says where it belongs", () => {
  fc.assert(
    fc.property(
      fc.record(
        {
          agent: anyName,
          skill: anyName,
          lane: anyName,
          taskId: anyName,
          level: fc.constantFrom(...levels),
        },
        plain,
      ),
      (address) => {
        const subject = subjects.task(address);
        assert.equal(subject.split(".").length, 7);
        assert.deepEqual(parseTaskSubject(subject), address);
      },
    ),
  );
});

test("a keyed task's subject says where it belongs", () => {
  fc.assert(
    fc.property(
      fc.record(
        {
          agent: anyName,
          lane: anyName,
          taskId: anyName,
          key: fc.string({ minLength: 1, maxLength: 40 }),
        },
        plain,
      ),
      (address) => {
        const { key: place, ...rest } = address;
        assert.deepEqual(parseKeyedSubject(subjects.keyed(address)), {
          kind: "keyed",
          place,
          ...rest,
        });
      },
    ),
  );
});

test("an event's and a dead letter's subject say whose they are", () => {
  fc.assert(
    fc.property(anyName, anyName, anyName, (agent, taskId, skill) => {
      const event = { agent, taskId, kind: "end", origin: "abc" };
      assert.deepEqual(parseTaskEventSubject(subjects.taskEvent(event)), event);
      assert.deepEqual(parseDeadSubject(subjects.dead(agent, skill, taskId)), {
        agent,
        skill,
        taskId,
      });
    }),
  );
});

test("a subject of another form is refused with the form that is wanted", () => {
  const wrong = [
    "troupe.task.normal.writer.main.headline",
    "troupe.task.urgent.writer.main.headline.t1",
    "troupe.task.normal.writer.main.headline.t1.more",
    "troupe.dead.writer.headline.t1",
    "",
  ];
  for (const subject of wrong)
    assert.throws(() => parseTaskSubject(subject), {
      code: "MESSAGE_UNREADABLE",
      message: /is not of the form \{namespace\}\.task\./,
    });
  for (const subject of ["troupe.keyed.a.main.3", "troupe.task.a.main.x.t1"])
    assert.throws(() => parseKeyedSubject(subject), {
      code: "MESSAGE_UNREADABLE",
    });
  assert.throws(() => parseTaskEventSubject("troupe.event.agent.a.b.c.d"), {
    code: "MESSAGE_UNREADABLE",
  });
  assert.throws(() => parseDeadSubject("troupe.dead.a.b"), {
    code: "MESSAGE_UNREADABLE",
  });
});

test("a namespace is one plain token", () => {
  for (const namespace of ["", "a.b", "a b", "*", ">", "x".repeat(33), "ä"])
    assert.throws(() => subjectsOf(namespace), { code: "ARGUMENT_INVALID" });
  assert.equal(subjectsOf("my-team_2").queue("a.b"), "my-team_2_QUEUE_a%2eb");
});

test("a key has the partition where the server will store its tasks", () => {
  const vectors = Object.fromEntries(
    ["a", "article-7", "k1", "k2", "k3"].map((key) => [key, partitionOf(key)]),
  );
  assert.deepEqual(vectors, {
    a: 12,
    "article-7": 17,
    k1: 1,
    k2: 8,
    k3: 27,
  });
});

test("keys spread over all partitions", () => {
  const counts = Array.from({ length: partitionCount }, () => 0);
  const keys = 32_000;
  for (let at = 0; at < keys; at++) counts[partitionOf(`order-${at}`)]!++;
  const fair = keys / partitionCount;
  for (const [partition, count] of counts.entries())
    assert.ok(
      count > fair * 0.7 && count < fair * 1.3,
      `partition ${partition} has ${count} of ${keys} keys`,
    );
});

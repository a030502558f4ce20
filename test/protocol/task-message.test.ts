import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { ContentType } from "../../protocol/headers.js";
import { subjectsOf } from "../../protocol/subjects.js";
import {
  addressOf,
  contentTypeOf,
  originOf,
  parseTaskBody,
  requestIn,
  taskBody,
  taskHeaders,
  type TaskSpec,
} from "../../protocol/task-message.js";
import { jsonValue as value } from "../support/json-value.js";

const subjects = subjectsOf("troupe");
const spec = (input: unknown, contentType: ContentType): TaskSpec =>
  Object.assign(
    { idGiven: true },
    {
      taskId: "t 1",
      agent: "writer",
      skill: "head.line",
      lane: "main",
      level: "high" as const,
      input,
      origin: "o1",
      contentType,
    },
  );

test("a task is read as it was written, in both formats", () => {
  fc.assert(
    fc.property(
      fc.constantFrom<ContentType>("msgpack", "json"),
      value,
      (contentType, input) => {
        const task = spec(input, contentType);
        assert.deepEqual(
          parseTaskBody(
            addressOf(subjects.task(task)),
            taskHeaders(task),
            taskBody(task),
          ),
          {
            skill: "head.line",
            params: { name: "head.line", arguments: input },
            input,
          },
        );
      },
    ),
  );
});

test("a bare client may leave out every header", () => {
  const body = Buffer.from(
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"ignored","arguments":{"a":1}}}',
  );
  const parsed = parseTaskBody(
    addressOf("troupe.task.low.writer.main.headline.t1"),
    {},
    body,
  );
  assert.deepEqual([parsed.skill, parsed.input], ["headline", { a: 1 }]);
  assert.equal(contentTypeOf({}, body), "json");
  assert.equal(originOf({}), "-");
  assert.equal(originOf({ origin: "a.b" }), "-");
});

test("a keyed task says its skill in its body", () => {
  const task = { ...spec(1, "json"), key: "k" };
  const parsed = parseTaskBody(
    addressOf(subjects.keyed(task)),
    taskHeaders(task),
    taskBody(task),
  );
  assert.equal(parsed.skill, "head.line");
});

test("a message in A2A style has the message as its input", () => {
  const message = {
    messageId: "m1",
    role: "ROLE_USER",
    parts: [{ text: "hi" }],
  };
  const body = Buffer.from(
    JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      method: "SendMessage",
      params: { message },
    }),
  );
  const parsed = parseTaskBody(
    addressOf("troupe.task.low.writer.main.chat.t1"),
    {},
    body,
  );
  assert.deepEqual(parsed.input, message);
});

test("what a message asks for is told as far as it can be, whatever it is", () => {
  const task = spec({ a: 1 }, "json");
  const params = { name: "head.line", arguments: { a: 1 } };
  assert.deepEqual(requestIn(taskHeaders(task), taskBody(task)), {
    params,
    skill: "head.line",
    input: { a: 1 },
  });
  const metadata = { skill: "chat" };
  const inA2A = { params: { message: "hi", metadata } };
  assert.deepEqual(requestIn({}, Buffer.from(JSON.stringify(inA2A))), {
    params: inA2A.params,
    skill: "chat",
    input: "hi",
  });
  for (const text of ["null", "1", "{}", '{"params":null}', '{"params":', ""]) {
    const { skill, input } = requestIn(
      { contentType: "application/json" },
      Buffer.from(text),
    );
    assert.deepEqual([skill, input], ["", undefined], text);
  }
});

test("a body that is no task is refused as unreadable", () => {
  const wrong = [
    "null",
    "[]",
    "{}",
    '{"jsonrpc":"1.0","method":"tools/call","params":{"name":"x"}}',
    '{"jsonrpc":"2.0","method":"tools/list","params":{}}',
    '{"jsonrpc":"2.0","method":"tools/call"}',
    '{"jsonrpc":"2.0","method":"SendMessage","params":{"message":{"parts":[]}}}',
  ];
  for (const text of wrong)
    assert.throws(
      () =>
        parseTaskBody(
          addressOf("troupe.task.low.writer.main.x.t1"),
          { contentType: "application/json" },
          Buffer.from(text),
        ),
      {
        code: "MESSAGE_UNREADABLE",
        message: /task "t1" is no JSON-RPC request/,
      },
    );
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { agent, skill } from "../../index.js";
import { toCard } from "../../workers/agent.js";

const echo = skill({
  description: "Says it again",
  input: z.string(),
  output: z.string(),
  tags: ["text"],
  run: (text) => text,
});

test("a skill of an agent knows whose it is and how it is called", () => {
  const writer = agent("writer", { skills: { echo } });
  assert.equal(writer.skills.echo.agent, "writer");
  assert.equal(writer.skills.echo.name, "echo");
  assert.equal(writer.skills.echo.description, "Says it again");
});

test("one skill may belong to two agents", () => {
  const [one, two] = ["one", "two"].map((name) =>
    agent(name, { skills: { echo } }),
  );
  assert.deepEqual(
    [one?.skills.echo.agent, two?.skills.echo.agent],
    ["one", "two"],
  );
});

test("an agent without skills is refused", () => {
  assert.throws(() => agent("idle", { skills: {} }), {
    code: "ARGUMENT_INVALID",
    message: /agent "idle" has no skills/,
  });
});

test("a name that no subject can carry is refused when it is declared, not when it is served", () => {
  for (const name of ["", "x".repeat(10_000), "\ud800"])
    assert.throws(() => agent(name, { skills: { echo } }), {
      code: "ARGUMENT_INVALID",
      message: /^agent "/,
    });
  assert.throws(() => agent("a", { skills: { ["y".repeat(300)]: echo } }), {
    code: "ARGUMENT_INVALID",
    message: /^skill "yyy/,
  });
});

test("a card has what A2A asks for: names, schemas, tags", () => {
  const writer = agent("writer", { description: "Writes", skills: { echo } });
  const card = toCard(writer);
  assert.deepEqual(
    [card.name, card.version, card.description, card.lane],
    ["writer", "0.0.0", "Writes", "main"],
  );
  assert.equal(card.skills[0]?.inputSchema["type"], "string");
  assert.deepEqual(card.skills[0].tags, ["text"]);
});

test("a schema that JSON Schema has no word for still makes a card", () => {
  const odd = skill({
    description: "Takes a date",
    input: z.object({ at: z.date(), big: z.bigint() }),
    run: ({ at }) => at,
  });
  const card = toCard(agent("odd", { skills: { odd } }));
  assert.equal(card.skills[0]?.inputSchema["type"], "object");
});

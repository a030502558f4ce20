import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { agent, skill, type Bus } from "../../index.js";

type Same<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2
    ? true
    : false;

const typed = agent("typed", {
  skills: {
    checked: skill({
      description: "Has an output schema",
      input: z.object({ text: z.string() }),
      output: z.object({ length: z.number() }),
      run: ({ text }) => ({ length: text.length }),
    }),
    unchecked: skill({
      description: "Has none",
      input: z.object({ text: z.string() }),
      async run({ text }) {
        await Promise.resolve();
        return { length: text.length };
      },
    }),
  },
});

test("a handler that gives something else than its output schema is told so where it does", () => {
  const output = z.object({ length: z.number() });
  const declare = () => [
    skill({
      description: "Gives a text",
      input: z.object({ text: z.string() }),
      output,
      // @ts-expect-error a text where the schema has a number
      run: ({ text }) => ({ length: text }),
    }),
    skill({
      description: "Gives something else",
      input: z.object({ text: z.string() }),
      output,
      // @ts-expect-error a field that the schema does not have, and one is missing
      run: ({ text }) => Promise.resolve({ size: text.length }),
    }),
  ];
  assert.equal(declare().length, 2);
});

test("a call has the type of the output schema, or of what the handler returns", () => {
  const { checked, unchecked } = typed.skills;
  const calls = (bus: Bus) => ({
    checked: bus.call(checked, { text: "a" }),
    unchecked: bus.call(unchecked, { text: "a" }),
    // @ts-expect-error a field that the schema does not have
    wrong: () => bus.call(checked, { txt: "a" }),
  });
  type Calls = ReturnType<typeof calls>;
  const same: [
    Same<Calls["checked"], Promise<{ length: number }>>,
    Same<Calls["unchecked"], Promise<{ length: number }>>,
  ] = [true, true];
  assert.deepEqual(same, [true, true]);
});

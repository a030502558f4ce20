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

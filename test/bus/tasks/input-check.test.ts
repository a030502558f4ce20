import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { agent, skill } from "../../../index.js";
import { quiet } from "../../support/doer.js";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();

test("a field that a card requires and does not describe is missed at submit, by its path", async (t) => {
  const bus = await shared.connect(t);
  let runs = 0;
  const weigh = skill({
    description: "Weighs both",
    input: z.object({
      sides: z.record(z.enum(["left", "right"]), z.number()),
    }),
    run: ({ sides }) => (runs++, sides.left - sides.right),
  });
  const scales = agent("scales", { skills: { weigh } });
  await bus.serve(scales, quiet);
  const { inputSchema } = (await bus.discover({ agent: "scales" }))[0]!
    .skills[0]!;
  const { properties } = inputSchema as {
    properties: Record<string, { required?: string[]; properties?: object }>;
  };
  assert.deepEqual(properties["sides"]?.required, ["left", "right"]);
  assert.equal(properties["sides"].properties, undefined);
  const submit = (sides: object) => bus.call("scales.weigh", { sides });
  await assert.rejects(submit({ left: 1 }), {
    code: "INPUT_INVALID",
    message: /the input of scales\.weigh .*: sides\.right: /,
  });
  assert.deepEqual(await bus.tasks({ agent: "scales" }), []);
  assert.equal(await submit({ left: 3, right: 1 }), 2);
  assert.equal(runs, 1);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { agent, skill, type TaskContext } from "../../../index.js";
import { quiet } from "../../support/doer.js";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();

function caller(run: (task: TaskContext) => unknown) {
  const description = "Calls";
  return agent("caller", {
    skills: {
      run: skill({
        description,
        input: z.any(),
        retry: { attempts: 1 },
        run: (_, task) => run(task),
      }),
      book: skill({
        description,
        input: z.string(),
        run: (what) => ({ booking: `${what}-1` }),
      }),
    },
  });
}

test("a call that was done is undone with its output when the task fails later, among steps in their order", async (t) => {
  const bus = await shared.connect(t);
  const undone: string[] = [];
  const undo = (what: unknown) => undone.push(JSON.stringify(what));
  await bus.serve(
    caller(async (task) => {
      await task.call("caller.book", "flight", { undo });
      await task.step("note", () => "noted", { undo });
      await task.call("caller.book", "hotel", { undo, name: "hotel" });
      await task.call("caller.book", "car");
      await assert.rejects(task.call("caller.book", 5, { undo }), {
        code: "INPUT_INVALID",
      });
      throw new Error("no room");
    }),
    quiet,
  );
  await assert.rejects(bus.call("caller.run", {}), { message: /no room/ });
  assert.deepEqual(undone, [
    '{"booking":"hotel-1"}',
    '"noted"',
    '{"booking":"flight-1"}',
  ]);
});

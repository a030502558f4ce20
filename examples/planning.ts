// Work as data: examples/plans/article.json is looked up, written, judged, approved and published by five agents,
// and one that is not approved is taken back.
import { readFileSync } from "node:fs";
import { agent, connect, drawPlan, skill, type Bus } from "../index.js";
import { z } from "zod";

const plan: unknown = JSON.parse(
  readFileSync("examples/plans/article.json", "utf8"),
);

const does = <Input extends z.ZodType, Result>(
  description: string,
  input: Input,
  run: (input: z.output<Input>) => Result,
) => skill({ description, input, run });

const library = agent("library", {
  skills: {
    search: does(
      "Finds titles",
      z.object({ about: z.string(), in: z.enum(["web", "books"]) }),
      (query) => ({ titles: [`${query.about} in ${query.in}`] }),
    ),
  },
});

const writer = agent("writer", {
  skills: {
    outline: does(
      "Orders what was found",
      z.object({ found: z.array(z.array(z.string())) }),
      ({ found }) => ({ headings: found.flat() }),
    ),
    section: does(
      "Writes a section",
      z.object({ heading: z.string(), tone: z.string() }),
      ({ heading, tone }) => `${heading}, in a ${tone} tone`,
    ),
  },
});

const judge = does("Judges sections", z.looseObject({}), ({ strictly }) => ({
  verdict: strictly === true ? "dull" : "good",
}));
const critic = agent("critic", { skills: { judge } });
const editor = agent("editor", { skills: { judge } });

const shelf = new Map<string, string>();
const id = z.object({ id: z.string() });
const press = agent("press", {
  skills: {
    store: does(
      "Stores an article",
      z.object({ title: z.string(), sections: z.array(z.string()) }),
      ({ title }) => {
        shelf.set("a-1", title);
        return { id: "a-1" };
      },
    ),
    remove: does("Takes it back", id, (of) => shelf.delete(of.id)),
    publish: does("Publishes it", id, (of) => ({
      published: shelf.get(of.id),
    })),
  },
});

await using bus = await connect();
const quiet = { signals: false } as const;
await bus.serve(library, quiet);
await bus.serve(writer, quiet);
await bus.serve(critic, quiet);
await bus.serve(editor, quiet);
await bus.serve(press, quiet);
await bus.orchestrate(quiet);

console.log(drawPlan(plan).split("\n")[0]);
console.log(
  "wrong:",
  await bus.plans.check({ steps: [{ name: "a", call: "writer.outlien" }] }),
);
await bus.plans.put("article", plan);
console.log("approved:", await ordered(bus, { approved: true, by: "Ann" }));
console.log(
  "denied:",
  await ordered(bus, { approved: false, comment: "not now" }),
);
console.log("on the shelf:", shelf.size);

async function ordered(
  on: Bus,
  answer: { approved: boolean; by?: string; comment?: string },
) {
  shelf.clear();
  const task = await on.plans.run("article", {
    input: { topic: "tea" },
    params: { tone: "lively" },
  });
  await on.plans.answer(task.id, "consent", answer); // it may come before the question
  return task.result().catch((error: Error) => error.message);
}

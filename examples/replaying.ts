// The log is the truth: whatever one wants to know of what happened is a fold of it.
import { connect } from "../index.js";
import { writer } from "./writer.js";

await using bus = await connect();
await using _worker = await bus.serve(writer);

const context = `visit-${Date.now()}`; // the A2A context: tasks that belong together
const texts = ["One fish.", "Two fish.", "Red fish.", "Blue fish."];
await Promise.all(
  texts.map((text) => bus.call(writer.skills.headline, { text }, { context })),
);

const headlines: unknown[] = [];
for await (const event of bus.replay({ agent: "writer", since: "10m" })) {
  if (event.kind === "completed" && event.context === context)
    headlines.push(event.output);
}
console.log(headlines.length, "headlines, as the log tells them:", headlines);

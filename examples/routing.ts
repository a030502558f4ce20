// Say what you need instead of who is to do it: by skill and version, by labels, or in plain words.
import { z } from "zod";
import { agent, connect, skill, TroupeError } from "../index.js";

const text = z.object({ text: z.string() });
const summarizer = (version: string, region: string) =>
  agent(`summarizer-${region}`, {
    version,
    description: "Works on texts that are already written",
    labels: { region },
    skills: {
      summarize: skill({
        description: "Condenses a long text to its main points",
        tags: ["summary", "shorten", "shorter", "gist"],
        examples: ["What are the main points?", "Cut this down to one line"],
        input: text,
        run: (input) => `${region}: ${input.text.split(/[.!?]/)[0]!}`,
      }),
    },
  });
const translator = agent("translator", {
  version: "1.0.0",
  skills: {
    translate: skill({
      description: "Translates a text into another language",
      tags: ["translation", "language", "in english"],
      examples: ["How do you say this in French?"],
      input: text,
      run: (input) => `<${input.text}>`,
    }),
  },
});

await using bus = await connect();
await using _eu = await bus.serve(summarizer("2.1.0", "eu"));
await using _us = await bus.serve(summarizer("1.4.0", "us"));
await using _translator = await bus.serve(translator);

const input = { text: "It rained for a week. Then the river rose." };
const wait = "10s"; // as long as the first heartbeats may take to get here

// By skill and versions; by what all instances of a lane are labelled with; in plain words.
console.log(await bus.call({ skill: "summarize", version: "^2", wait }, input));
console.log(await bus.call("summarize@^1", input));
const labels = { region: "us" };
console.log(await bus.call({ skill: "summarize", labels }, input));
console.log(
  await bus.call({ text: "how would one say that in French", wait }, input),
);

// Why? Ask before, or look it up afterwards: the decision stands in the task's history.
const route = await bus.route({ text: "please make this shorter" });
console.log(`${route.agent}.${route.skill}, ${route.why}`);
const task = await bus.submit(
  { skill: "summarize", prefer: "round-robin" },
  input,
);
await task.result();
console.log("chosen by", (await bus.find(task.id))?.route?.strategy);

// Nobody fits: the error names the nearest.
await bus.call("summarize@^3", input).catch((error: unknown) => {
  if (error instanceof TroupeError) console.log(error.code, error.message);
});

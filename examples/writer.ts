// An agent: a name, and skills with their schemas. Serve it with `npx troupe work dist/examples/writer.js`, or
// from a program of your own, as examples/first-task.ts does.
import { z } from "zod";
import { agent, skill } from "../index.js"; // in your project: from "troupe"

export const writer = agent("writer", {
  version: "1.0.0",
  description: "Writes short texts",
  skills: {
    headline: skill({
      description: "A headline for a text",
      input: z.object({ text: z.string().min(1) }),
      output: z.object({ headline: z.string() }),
      retry: {
        attempts: 5,
        backoff: "exponential",
        first: "200ms",
        max: "30s",
      },
      timeout: "30s",
      run({ text }) {
        const [sentence = text] = text.split(/[.!?]/);
        return { headline: sentence.trim().toUpperCase() };
      },
    }),
  },
});

// A demo agent without surprises: text in, text out.
import { z } from "zod";
import { agent, refuse, skill } from "../../index.js";

export const writer = agent("writer", {
  version: "1.0.0",
  description: "Writes short texts by simple rules",
  skills: {
    headline: skill({
      description: "A headline for a text",
      input: z.object({ text: z.string() }),
      output: z.object({ headline: z.string() }),
      tags: ["title", "heading", "shorten", "short"],
      examples: ["Find a title for this story", "Make this shorter"],
      run({ text }) {
        const [sentence = ""] = text.split(/[.!?,;\n]/);
        const words = sentence.trim().split(/\s+/).filter(Boolean);
        if (words.length === 0)
          throw refuse("the text has no words: there is nothing to sum up");
        return { headline: words.slice(0, 8).map(capitalised).join(" ") };
      },
    }),
  },
});

const capitalised = (word: string): string =>
  word.charAt(0).toUpperCase() + word.slice(1);

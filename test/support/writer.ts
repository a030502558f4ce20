// An agent "writer" that only says again what it is given.
import { z } from "zod";
import { agent, skill } from "../../index.js";

export const echo = skill({
  description: "Says it again",
  input: z.object({ text: z.string(), times: z.number().default(1) }),
  output: z.string(),
  run: ({ text }) => text,
});

export const writer = agent("writer", {
  version: "1.2.3",
  description: "Writes",
  skills: { echo },
});

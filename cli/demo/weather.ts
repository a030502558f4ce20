// A demo agent that fails now and then, as whatever calls another machine does: see its retries.
import { z } from "zod";
import { agent, refuse, skill } from "../../index.js";

const cities: Readonly<Record<string, number>> = {
  Bergen: 9,
  Lima: 19,
  Nairobi: 23,
  Oslo: 6,
  Seville: 31,
};

export const weather = agent("weather", {
  version: "1.0.0",
  description: "Tells the weather; its source is not always there",
  skills: {
    forecast: skill({
      description: `Tomorrow's temperature in ${Object.keys(cities).join(", ")}`,
      input: z.object({
        city: z.string(),
        failures: z
          .int()
          .min(0)
          .optional()
          .describe("fail so often first; without it, every other attempt"),
      }),
      output: z.object({ city: z.string(), celsius: z.number() }),
      retry: { attempts: 4, first: "200ms", max: "2s" },
      tags: ["weather", "temperature", "warm", "cold", "tomorrow"],
      examples: [
        "How warm will it be in Lima?",
        "Do I need a jacket tomorrow?",
      ],
      run({ city, failures }, task) {
        const isDown =
          failures === undefined
            ? Math.random() < 0.5
            : task.attempt <= failures;
        if (isDown) throw new Error("the weather station does not answer");
        const celsius = cities[city];
        if (celsius === undefined) throw refuse(`no city is called "${city}"`);
        return { city, celsius };
      },
    }),
  },
});

// An agent with a workflow, for examples/forking.ts and examples/booking.test.ts.
import { z } from "zod";
import { agent, skill } from "../index.js";

/** Stands for a service that is away for a while. */
export const hotels = { areThere: true };

export const booking = agent("booking", {
  version: "1.0.0",
  skills: {
    trip: skill({
      description: "Books a trip",
      input: z.object({ to: z.string(), on: z.string() }),
      output: z.object({ number: z.string(), booked: z.array(z.string()) }),
      retry: { attempts: 1 },
      async run({ to, on }, task) {
        const number = task.uuid().slice(0, 8);
        const flight = await task.step("flight", () => `flight to ${to}`);
        const price = await task.call("booking.price", { to });
        const hotel = await task.step("hotel", () => {
          if (!hotels.areThere) throw new Error("no hotel answers");
          return `hotel in ${to} from ${on}, ${String(price)}`;
        });
        if (task.patched("insure"))
          await task.step("insurance", () => "insured");
        return { number, booked: [flight, hotel] };
      },
    }),
    price: skill({
      description: "What a hotel costs",
      input: z.object({ to: z.string() }),
      run: ({ to }): number => to.length * 10,
    }),
  },
});

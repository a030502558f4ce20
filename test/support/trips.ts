// An agent whose tasks have all that a journal can have: steps, calls, signals, sleep, undo.
import { z } from "zod";
import { agent, refuse, skill } from "../../index.js";

export const trips = agent("trips", {
  version: "1.2.0",
  skills: {
    book: skill({
      description: "Books a trip",
      input: z.object({
        to: z.string(),
        approve: z.boolean().default(false),
        sleep: z.boolean().default(false),
        fail: z.boolean().default(false),
      }),
      async run({ to, approve, sleep, fail }, task) {
        const number = task.uuid().slice(0, 8);
        const flight = await task.step("flight", () => `flight to ${to}`, {
          undo: () => undefined,
        });
        const price = await task.call("trips.price", to);
        const hotel = await task.step(
          "hotel",
          ({ attempt }) => {
            if (attempt === 1) throw new Error("no room yet");
            return { name: `hotel in ${to}`, key: new Uint8Array([1, 2, 3]) };
          },
          { undo: () => undefined, retry: { attempts: 3, first: "1ms" } },
        );
        if (approve)
          await task.waitFor("approval", {
            schema: z.object({ ok: z.boolean() }),
            timeout: "2h",
          });
        if (sleep) await task.sleep("1h");
        if (fail) throw refuse("no money");
        return { number, flight, price, hotel: hotel.name };
      },
    }),
    price: skill({
      description: "What a trip costs",
      input: z.string(),
      run: (to) => to.length * 100,
    }),
  },
});

// What nobody could finish is not lost: read it, mend it, send it off again.
import { z } from "zod";
import { agent, connect, refuse, skill } from "../index.js";

const stock: Record<string, number> = { apples: 3, pears: 5 };

const grocer = agent("grocer", {
  skills: {
    sell: skill({
      description: "Sells fruit",
      input: z.object({ fruit: z.string(), count: z.int().positive() }),
      retry: { attempts: 2, first: "50ms" },
      run({ fruit, count }) {
        const left = stock[fruit];
        // Trying again is no use: the task fails at once.
        if (left === undefined) throw refuse(`there are no ${fruit} here`);
        // Anything else that is thrown is tried again, as the skill's retry says.
        if (left < count) throw new Error(`only ${left} ${fruit} left`);
        stock[fruit] = left - count;
        return { sold: count };
      },
    }),
  },
});

await using bus = await connect();
await using _worker = await bus.serve(grocer);

const typo = await bus.submit("grocer.sell", { fruit: "aples", count: 1 });
const many = await bus.submit("grocer.sell", { fruit: "pears", count: 9 });
await Promise.allSettled([typo.result(), many.result()]);

const redriven: string[] = [];
for await (const letter of bus.deadLetters({ agent: "grocer" })) {
  console.log(`${letter.code} after ${letter.attempts}: ${letter.error}`);
  if (letter.taskId === typo.id) {
    const input = { fruit: "apples", count: 1 };
    redriven.push(await letter.redrive({ input }));
  } else if (letter.taskId === many.id) {
    stock["pears"] = 20; // the cause is mended, and the task goes as it was
    redriven.push(await letter.redrive());
  }
}
for (const id of redriven)
  console.log("redriven:", await bus.task(id).result());

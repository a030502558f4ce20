// What a submit may say of its task: its level, its key, when it is due and when it is too late, and its id.
import { z } from "zod";
import { agent, connect, skill, type TroupeError } from "../index.js";

const shop = agent("shop", {
  skills: {
    pack: skill({
      description: "Packs an order",
      input: z.object({ order: z.string(), item: z.string() }),
      async run({ order, item }, task) {
        await new Promise((resolve) => setTimeout(resolve, 20));
        console.log(`  packed ${item} for ${order} (${task.level})`);
        return { order, item };
      },
    }),
  },
});

await using bus = await connect();
const { pack } = shop.skills;

// Nobody serves the shop yet: tasks are stored and wait.
const low = await bus.submit(
  pack,
  { order: "A", item: "socks" },
  { priority: "low" },
);
const urgent = await bus.submit(
  pack,
  { order: "B", item: "medicine" },
  { priority: "critical" },
);

// Tasks with one key are handled one at a time and in this order, however many workers there are.
const keyed = [];
for (const item of ["box", "paper", "ribbon"])
  keyed.push(await bus.submit(pack, { order: "C", item }, { key: "order-C" }));

// Not before half a second from now.
const later = await bus.submit(
  pack,
  { order: "D", item: "cake" },
  { delay: "500ms" },
);

// The same id twice is one task: submitting again after a crash does no harm.
const id = `order-E-${Date.now()}`;
const first = await bus.submit(pack, { order: "E", item: "lamp" }, { id });
const again = await bus.submit(pack, { order: "E", item: "lamp" }, { id });
console.log(`submitted twice, one task: ${again.duplicate}`);

// Nobody will have taken this one in time.
const tooLate = await bus.submit(
  pack,
  { order: "F", item: "newspaper" },
  { deadline: "1ms" },
);
await new Promise((resolve) => setTimeout(resolve, 50));

console.log("a worker comes:");
await using _worker = await bus.serve(shop, { concurrency: 1 });
await Promise.all(
  [low, urgent, ...keyed, later, first].map((task) => task.result()),
);
await tooLate
  .result()
  .catch((error: TroupeError) => console.log(`  too late: ${error.code}`));

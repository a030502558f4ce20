// A skill whose supplier is away: its breaker opens, a fallback does the work meanwhile, and a probe finds out when
// it is back. Another skill may be used only so often by each customer.
import { z } from "zod";
import { agent, connect, skill } from "../index.js";

let supplierIsThere = false;

const archive = agent("archive", {
  skills: {
    price: skill({
      description: "The price of yesterday",
      input: z.object({ item: z.string() }),
      run: ({ item }) => `${item}: 9 (of yesterday)`,
    }),
  },
});

const kiosk = agent("kiosk", {
  skills: {
    price: skill({
      description: "The price, asked of the supplier",
      input: z.object({ item: z.string() }),
      retry: { attempts: 2, first: "10ms" },
      atOnce: 4,
      breaker: { failures: 3, within: "10s", rest: "300ms" },
      fallback: archive.skills.price,
      run({ item }) {
        if (!supplierIsThere) throw new Error("the supplier does not answer");
        return `${item}: 10`;
      },
    }),
    search: skill({
      description: "Looks for something",
      input: z.object({ customer: z.string() }),
      rate: { limit: 20, per: "1s", by: ({ customer }) => customer },
      run: ({ customer }) => customer,
    }),
  },
});

await using bus = await connect();
await using _archive = await bus.serve(archive);
await using _kiosk = await bus.serve(kiosk);
const { price, search } = kiosk.skills;

// While the supplier is away nobody waits for it for long.
for (const item of ["tea", "milk", "bread"])
  console.log(await bus.call(price, { item }));

// It comes back; after the rest one task is let through, and then all are.
supplierIsThere = true;
let answer: unknown;
do {
  await new Promise((resolve) => setTimeout(resolve, 100));
  answer = await bus.call(price, { item: "salt" });
} while (answer !== "salt: 10");
console.log(answer);

// Each customer has a rate of its own, however many instances there are.
const startedAt = Date.now();
const searches = ["a", "a", "a", "a", "a", "a", "b"].map((customer) =>
  bus.call(search, { customer }),
);
await Promise.all(searches);
console.log(`searched for at least 100 ms: ${Date.now() - startedAt >= 100}`);

// What happened to the breaker stands on the log.
const seen = new Set<string>();
for await (const event of bus.replay({ kind: "agent", agent: "kiosk" }))
  if (event.kind.startsWith("breaker")) seen.add(event.kind);
console.log([...seen].join(", "));

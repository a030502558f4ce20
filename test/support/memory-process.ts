// One process that is client and worker, and says how much memory it holds as it goes. See memory.test.ts.
import "./end-with-parent.js";
import { measureMemory } from "../../bench/memory.js";

const { url, total, every } = JSON.parse(process.argv[2]!) as {
  url: string;
  total: number;
  every: number;
};
console.log("{}"); // it lives
await measureMemory(url, total, every, (sample) =>
  console.log(JSON.stringify(sample)),
);
process.exit();

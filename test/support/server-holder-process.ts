// A process of its own that uses the server of a directory: says where it is, then does as told on
// standard input ("stop"), and ends when that is closed. See server-holder.ts.
import { createInterface } from "node:readline";
import { startEmbeddedServer } from "../../bus/server/embedded.js";
import { messageOf } from "../../protocol/errors.js";

// Ctrl-C is what the test sends to see that the server lives on while its user drains.
process.on("SIGINT", () => console.log(JSON.stringify({ interrupted: true })));

const [directory = ""] = process.argv.slice(2);
try {
  const server = await startEmbeddedServer({ directory });
  console.log(JSON.stringify({ pid: server.pid, port: server.port }));
  for await (const line of createInterface({ input: process.stdin })) {
    if (line !== "stop") continue;
    await server.stop();
    console.log(JSON.stringify({ stopped: true }));
  }
} catch (error) {
  console.log(JSON.stringify({ error: messageOf(error) }));
}
process.exit();

// Serve an agent, call it, ask it. Without $NATS_URL an embedded nats-server is started, so this runs as it is.
import { connect } from "../index.js";
import { writer } from "./writer.js";

await using bus = await connect();
await using _worker = await bus.serve(writer, { concurrency: 64 });

const text = "It rained for a week. Then the river rose.";

// A durable task: stored by the server, retried when it fails, and this waits for its end. The types follow
// from the skill's schemas.
const { headline } = await bus.call(writer.skills.headline, { text });
console.log("called:", headline);

// Request-reply: quicker, stored nowhere, gone when nobody answers.
const quick = await bus.ask(writer.skills.headline, { text });
console.log("asked: ", quick.headline);

// Input that does not fit the schema is refused here, with the path of the field.
await bus
  .submit("writer.headline", { text: 42 })
  .catch((error: unknown) => console.log("refused:", String(error)));

// Closes its bus again and again while something is being started, each time a little later. It ends by itself, if
// nothing was left behind that keeps a process alive.
import { setTimeout as wait } from "node:timers/promises";
import { connect } from "../../index.js";
import { doer, quiet } from "./doer.js";

const { url, namespace, starts } = JSON.parse(process.argv[2]!) as {
  url: string;
  namespace: string;
  starts: "serve" | "orchestrate";
};
const lastMs = 60;
const stepMs = 3;
for (let ms = 0; ms <= lastMs; ms += stepMs) {
  // Each time anew: where streams are yet to be made, more is under way.
  const bus = await connect({ url, namespace: `${namespace}-${ms}` });
  const started =
    starts === "orchestrate"
      ? bus.orchestrate(quiet)
      : bus.serve(
          doer(() => 1),
          quiet,
        );
  started.catch(() => undefined);
  await wait(ms);
  await bus.close();
  console.log(JSON.stringify({ ms }));
}

// An orchestrator in a process that is going to be killed or frozen. Says each state that it enters, one JSON
// object a line. See orchestrators.ts.
import "./end-with-parent.js";
import { Recorder } from "../../bus/tasks/recorder.js";
import { connect } from "../../index.js";
import type { OrchestratorPlace } from "./orchestrators.js";

const { url, namespace, window, ackWait, diesAfterLetter } = JSON.parse(
  process.argv[2]!,
) as OrchestratorPlace;
if (diesAfterLetter === true)
  Recorder.prototype.ended = () => {
    process.kill(process.pid, "SIGKILL");
    return new Promise(() => undefined);
  };
const bus = await connect({ url, namespace });
const orchestrator = await bus.orchestrate({
  ...(window === undefined ? {} : { window }),
  ...(ackWait === undefined ? {} : { ackWait }),
});
const { instance } = orchestrator;
const say = () => {
  const { state, term } = orchestrator;
  console.log(JSON.stringify({ instance, state, term }));
};
say();
orchestrator.onState(say);

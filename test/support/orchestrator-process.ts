// An orchestrator in a process that is going to be killed or frozen. Says each state that it enters, one JSON
// object a line. See orchestrators.ts.
import "./end-with-parent.js";
import { connect } from "../../index.js";

const { url, namespace, window } = JSON.parse(process.argv[2]!) as {
  url: string;
  namespace: string;
  window?: number;
};
const bus = await connect({ url, namespace });
const orchestrator = await bus.orchestrate(
  window === undefined ? {} : { window },
);
const { instance } = orchestrator;
const say = () => {
  const { state, term } = orchestrator;
  console.log(JSON.stringify({ instance, state, term }));
};
say();
orchestrator.onState(say);

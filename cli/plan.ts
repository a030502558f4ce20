// troupe plan: work as data. Plans are checked, drawn, run, and kept by name and version.
import type { PlanVersion } from "../bus/plans/templates.js";
import { checkPlan } from "../protocol/plan/check.js";
import { drawPlan } from "../protocol/plan/draw.js";
import type { PlanProblem } from "../protocol/plan/outline.js";
import { planJsonSchema } from "../protocol/plan/plan.js";
import { dateOf } from "./times.js";
import { exitCodes, type ExitCode } from "./exit.js";
import { runForm } from "./forms.js";
import { readPlan } from "./plan-file.js";
import { answer, questions, run, runOptions } from "./plan-run.js";
import { inFull } from "./result.js";
import { nothing, withBus } from "./session.js";
import type { Call, Verb } from "./verb.js";

const forms = {
  check,
  draw,
  schema,
  run,
  questions,
  answer,
  put,
  ls,
  show,
  history,
  rm,
};

export const plan: Verb = {
  summary: "Plans: work as data, for planners and people.",
  usage: [
    "troupe plan check FILE [--agents]   (FILE - reads standard input)",
    "troupe plan draw FILE",
    "troupe plan schema",
    "troupe plan run FILE|NAME[@VERSION] [--input JSON] [--param NAME=VALUE]… [--wait]",
    "troupe plan questions TASK",
    "troupe plan answer TASK STEP yes|no [--by NAME] [--comment TEXT]",
    "troupe plan put NAME FILE",
    "troupe plan ls",
    "troupe plan show NAME[@VERSION]",
    "troupe plan history NAME",
    "troupe plan rm NAME[@VERSION]",
  ],
  options: {
    agents: {
      type: "boolean",
      help: "check: that the agents and skills it calls have been served here",
    },
    ...runOptions,
  },
  example: `troupe plan run article.json --input '{"topic":"tea"}' --param tone=lively --wait`,
  run: (call) => runForm("plan", forms, call),
};

async function check(call: Call): Promise<ExitCode> {
  const given = readPlan(call, 1);
  call.atMost(2);
  const problems = call.flag("agents")
    ? await withBus(call, (bus) => bus.plans.check(given))
    : checkPlan(given);
  if (call.output.json)
    call.output.object({ ok: problems.length === 0, problems });
  else tell(call, problems);
  return problems.length === 0 ? exitCodes.done : exitCodes.wrongUsage;
}

function tell(call: Call, problems: readonly PlanProblem[]): void {
  const { output } = call;
  if (problems.length === 0) return output.line("The plan is good.");
  output.rows(
    problems.map(({ path, message }) => [
      output.paint("cyan", path || "(the plan)"),
      message,
    ]),
  );
}

function draw(call: Call): Promise<ExitCode> {
  const mermaid = drawPlan(readPlan(call, 1));
  call.atMost(2);
  call.output.result({ mermaid }, () => mermaid.trimEnd());
  return Promise.resolve(exitCodes.done);
}

function schema(call: Call): Promise<ExitCode> {
  call.atMost(1);
  call.output.result(planJsonSchema(), () => inFull(planJsonSchema()));
  return Promise.resolve(exitCodes.done);
}

function put(call: Call): Promise<ExitCode> {
  const name = call.word(1, "the NAME");
  const given = readPlan(call, 2);
  call.atMost(3);
  return withBus(call, async (bus) => {
    const kept = await bus.plans.put(name, given);
    call.output.result(kept, () => `${kept.name}@${kept.version}`);
    return exitCodes.done;
  });
}

function ls(call: Call): Promise<ExitCode> {
  call.atMost(1);
  return withBus(call, async (bus) => {
    list(call, await bus.plans.list(), nothing("plans", bus));
    return exitCodes.done;
  });
}

function history(call: Call): Promise<ExitCode> {
  const name = call.word(1, "the NAME");
  call.atMost(2);
  return withBus(call, async (bus) => {
    list(call, await bus.plans.history(name), "");
    return exitCodes.done;
  });
}

function show(call: Call): Promise<ExitCode> {
  const name = call.word(1, "the NAME");
  call.atMost(2);
  return withBus(call, async (bus) => {
    const kept = await bus.plans.get(name);
    call.output.result(kept, () => inFull(kept.plan));
    return exitCodes.done;
  });
}

function rm(call: Call): Promise<ExitCode> {
  const name = call.word(1, "the NAME");
  call.atMost(2);
  return withBus(call, async (bus) => {
    const gone = await bus.plans.delete(name);
    const said = gone.map((each) => `${each.name}@${each.version}`).join(", ");
    call.output.result({ deleted: gone }, () => `deleted ${said}`);
    return exitCodes.done;
  });
}

function list(call: Call, plans: readonly PlanVersion[], none: string): void {
  call.output.list(
    plans,
    ["PLAN", "VERSION", "PUT", "DESCRIPTION"],
    ({ name, version, at, description }) => [
      name,
      String(version),
      dateOf(at),
      description ?? "",
    ],
    none,
  );
}

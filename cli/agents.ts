// troupe agents: which agents there are, what they can do, which instances live, and what they are ordered.
import { isPaused, type AgentOrders } from "../bus/registry/agent-orders.js";
import type { AgentCard, InstanceCard } from "../protocol/card.js";
import { dateOf } from "./times.js";
import { exitCodes, type ExitCode } from "./exit.js";
import { runForm } from "./forms.js";
import { drain, pause, resume } from "./agent-orders.js";
import { find, findOptions, forget, labelsText } from "./agents-find.js";
import { lanesOf } from "./known-agents.js";
import { pausedText } from "./pause-text.js";
import { withBus } from "./session.js";
import { shorten } from "./table.js";
import type { Call, Verb } from "./verb.js";

const forms = { ls, show, find, pause, resume, drain, forget };

export const agents: Verb = {
  summary:
    "Lists agents with their living instances; finds, shows, pauses, resumes and drains one.",
  usage: [
    "troupe agents ls",
    "troupe agents show NAME",
    'troupe agents find "make this shorter" [--tag TAG] [--label NAME=VALUE] …',
    "troupe agents pause NAME [--lane LANE] [--reason TEXT]",
    "troupe agents resume NAME [--lane LANE]",
    "troupe agents drain NAME [--lane LANE] [--instance ID]",
    "troupe agents forget NAME [--lane LANE]   (one that is served no more)",
  ],
  options: {
    ...findOptions,
    lane: { type: "string", value: "LANE", help: "only this lane of it" },
    reason: {
      type: "string",
      value: "TEXT",
      help: "with pause: why, for those who ask later",
    },
    instance: {
      type: "string",
      value: "ID",
      help: "with drain: only this instance",
    },
    timeout: {
      type: "string",
      value: "15s",
      help: "how long its instances have to obey (default 15s; 1m to drain)",
    },
  },
  example: "troupe agents pause writer --reason maintenance",
  run: (call) => runForm("agents", forms, call),
};

type Listed = AgentCard & { instances: InstanceCard[]; orders?: AgentOrders };

function ls(call: Call): Promise<ExitCode> {
  call.atMost(1);
  const head = ["AGENT", "LANE", "VERSION", "STATE", "INSTANCES", "RUNNING"];
  return withBus(call, async (bus) => {
    const [cards, living, orders] = await Promise.all([
      bus.agents(),
      bus.instances(),
      bus.agentOrders(),
    ]);
    const listed = cards.map((card) => toListed(card, living, orders));
    call.output.list(
      listed,
      [...head, "LATENCY", "LABELS", "SKILLS"],
      rowOf,
      "No agent has been served here yet.",
    );
    return exitCodes.done;
  });
}

function show(call: Call): Promise<ExitCode> {
  const name = call.word(1, "the agent's NAME");
  call.atMost(2);
  return withBus(call, async (bus) => {
    const [lanes, instances, orders] = await Promise.all([
      lanesOf(bus, name),
      bus.instances(name),
      bus.agentOrders(),
    ]);
    for (const [at, card] of lanes.entries()) {
      if (at > 0) call.output.line();
      const agent = toListed(card, instances, orders);
      if (call.output.json) call.output.object(agent);
      else print(call, agent);
    }
    return exitCodes.done;
  });
}

function toListed(
  card: AgentCard,
  living: readonly InstanceCard[],
  allOrders: ReadonlyMap<string, AgentOrders>,
): Listed {
  const orders = allOrders.get(card.name);
  const instances = living.filter(
    ({ agent, lane }) => agent === card.name && lane === card.lane,
  );
  return { ...card, instances, ...(orders === undefined ? {} : { orders }) };
}

/** What it was ordered; else how its instances are, where they are not all ready. */
function stateOf({ lane, instances, orders }: Listed): string {
  if (orders && isPaused(orders, lane)) return "paused";
  const states = new Set(instances.map(({ state }) => state));
  return states.size === 0 ? "-" : [...states].join(", ");
}

function rowOf(listed: Listed): string[] {
  const { name, lane, version, instances, skills } = listed;
  return [
    name,
    lane,
    version,
    stateOf(listed),
    String(instances.length),
    loadOf(instances),
    latencyOf(instances),
    shorten(labelsText(commonLabels(listed)), 30),
    shorten(skills.map((skill) => skill.id).join(", "), 60),
  ];
}

function loadOf(instances: readonly InstanceCard[]): string {
  const sum = (field: "running" | "concurrency") =>
    instances.reduce((total, instance) => total + instance[field], 0);
  return `${sum("running")}/${sum("concurrency")}`;
}

/** Of those that have done anything. */
function latencyOf(instances: readonly InstanceCard[]): string {
  const known = instances.flatMap(({ latencyMs }) => latencyMs ?? []);
  if (known.length === 0) return "-";
  const sum = known.reduce((total, latencyMs) => total + latencyMs, 0);
  return `${(sum / known.length).toFixed(1)}ms`;
}

/** What callers may go by; of the card, where no instance lives. */
function commonLabels({ labels, instances }: Listed): Record<string, string> {
  const [first, ...others] = instances.map((instance) => instance.labels);
  const shared = Object.entries(first ?? labels).filter(([name, value]) =>
    others.every((each) => each[name] === value),
  );
  return Object.fromEntries(shared);
}

function print(call: Call, agent: Listed): void {
  const { output } = call;
  const { name, lane, version, description, skills, instances } = agent;
  output.line(
    `${output.paint("bold", name)} ${version}  lane ${lane}  ${shorten(description, 1_000)}`,
  );
  if (stateOf(agent) === "paused")
    output.line(output.paint("yellow", pausedText(agent.orders!)));
  output.line();
  output.rows(
    skills.map((skill) => [
      `  ${output.paint("cyan", `${name}.${skill.id}`)}`,
      skill.description,
      fieldsOf(skill.inputSchema),
    ]),
  );
  output.line();
  output.rows(instances.map(instanceRow));
  if (instances.length === 0) output.line("  no instance is running");
}

const instanceRow = (instance: InstanceCard): string[] => [
  `  ${instance.instance}`,
  instance.state,
  `pid ${instance.pid}`,
  `lane ${instance.lane}`,
  `running ${instance.running}/${instance.concurrency}`,
  `done ${instance.done}`,
  `failed ${instance.failed}`,
  `since ${dateOf(new Date(instance.startedAt))}`,
  labelsText(instance.labels),
  shorten((instance.troubles ?? []).join(", "), 60),
];

/** `{ text, tone? }` */
function fieldsOf(schema: Record<string, unknown>): string {
  const properties = Object.keys(schema["properties"] ?? {});
  const required = (schema["required"] ?? []) as string[];
  const fields = properties.map((field) =>
    required.includes(field) ? field : `${field}?`,
  );
  return fields.length === 0 ? "" : `{ ${fields.join(", ")} }`;
}

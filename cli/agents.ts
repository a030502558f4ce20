// troupe agents: which agents there are, what they can do, and which instances live.
import type { AgentCard, InstanceCard } from "../protocol/card.js";
import { TroupeError } from "../protocol/errors.js";
import { dateOf } from "./event-line.js";
import { exitCodes, wrongUsage, type ExitCode } from "./exit.js";
import { nearest, unknownWord } from "./nearest.js";
import { withBus } from "./session.js";
import { shorten } from "./table.js";
import type { Call, Verb } from "./verb.js";

const forms = { ls, show } as const;

export const agents: Verb = {
  summary: "Lists agents with their living instances; shows one's skills.",
  usage: ["troupe agents ls", "troupe agents show NAME"],
  options: {},
  example: "troupe agents show writer",
  run(call) {
    const word = call.words[0] ?? "ls";
    if (!Object.hasOwn(forms, word))
      throw wrongUsage(unknownWord("form of agents", word, Object.keys(forms)));
    return forms[word as keyof typeof forms](call);
  },
};

type Listed = AgentCard & { instances: InstanceCard[] };

function ls(call: Call): Promise<ExitCode> {
  call.atMost(1);
  const head = ["AGENT", "LANE", "VERSION", "INSTANCES", "RUNNING", "SKILLS"];
  return withBus(call, async (bus) => {
    const [cards, living] = await Promise.all([bus.agents(), bus.instances()]);
    const listed = cards.map((card) => withInstances(card, living));
    call.output.list(listed, head, rowOf, "No agent has been served here yet.");
    return exitCodes.done;
  });
}

function show(call: Call): Promise<ExitCode> {
  const name = call.word(1, "the agent's NAME");
  call.atMost(2);
  return withBus(call, async (bus) => {
    const [cards, instances] = await Promise.all([
      bus.agents(),
      bus.instances(name),
    ]);
    const lanes = cards.filter((known) => known.name === name);
    if (lanes.length === 0) throw unknownAgent(name, cards);
    for (const [at, card] of lanes.entries()) {
      if (at > 0) call.output.line();
      const agent = withInstances(card, instances);
      if (call.output.json) call.output.object(agent);
      else print(call, agent);
    }
    return exitCodes.done;
  });
}

const withInstances = (card: AgentCard, living: InstanceCard[]): Listed => ({
  ...card,
  instances: living.filter(
    ({ agent, lane }) => agent === card.name && lane === card.lane,
  ),
});

function rowOf({ name, lane, version, instances, skills }: Listed): string[] {
  return [
    name,
    lane,
    version,
    String(instances.length),
    loadOf(instances),
    shorten(skills.map((skill) => skill.id).join(", "), 60),
  ];
}

function loadOf(instances: readonly InstanceCard[]): string {
  const sum = (field: "running" | "concurrency") =>
    instances.reduce((total, instance) => total + instance[field], 0);
  return `${sum("running")}/${sum("concurrency")}`;
}

function print(call: Call, agent: Listed): void {
  const { output } = call;
  const { name, lane, version, description, skills, instances } = agent;
  output.line(
    `${output.paint("bold", name)} ${version}  lane ${lane}  ${description}`,
  );
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

function unknownAgent(name: string, cards: readonly AgentCard[]): TroupeError {
  const known = [...new Set(cards.map((card) => card.name))];
  const near = nearest(name, known);
  const hint =
    near === undefined
      ? `known are: ${known.join(", ") || "none yet"}`
      : `did you mean "${near}"?`;
  return new TroupeError(
    "AGENT_UNKNOWN",
    `no agent "${name}" has been served here: ${hint}`,
  );
}

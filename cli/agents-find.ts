// troupe agents find and forget: who can do a thing, and the end of a card that nobody serves any more.
import type { Discovered, DiscoverFilter } from "../bus/registry/discovery.js";
import { exitCodes, wrongUsage, type ExitCode } from "./exit.js";
import { howToResume, pausedText, pauseOf } from "./pause-text.js";
import { withBus } from "./session.js";
import { shorten } from "./table.js";
import { toLabels } from "./values.js";
import type { Call, Options } from "./verb.js";

export const findOptions: Options = {
  skill: { type: "string", value: "SKILL", help: "find: that have this skill" },
  tag: { type: "string", value: "TAG", help: "find: with a skill so tagged" },
  version: { type: "string", value: "RANGE", help: 'find: such as "^2"' },
  label: {
    type: "string",
    value: "NAME=VALUE",
    multiple: true,
    help: "find: that all instances have",
  },
  limit: { type: "string", value: "N", help: "find: at most (default 10)" },
};

export function find(call: Call): Promise<ExitCode> {
  call.atMost(2);
  const filter = filterFrom(call);
  const limit = call.whole("limit") ?? 10;
  const head = [
    "SKILL",
    "VERSION",
    "LANE",
    "SCORE",
    "INSTANCES",
    "LABELS",
    "DESCRIPTION",
  ];
  return withBus(call, async (bus) => {
    const found = await bus.discover(filter);
    const rows = found.flatMap((each) =>
      each.skills.map((skill) => ({ ...each, skill })),
    );
    call.output.list(rows.slice(0, limit), head, rowOf, "No agent fits.");
    return exitCodes.done;
  });
}

export function forget(call: Call): Promise<ExitCode> {
  const name = call.word(1, "the agent's NAME");
  call.atMost(2);
  return withBus(call, async (bus) => {
    const card = await bus.forgetAgent(name, call.text("lane"));
    const { lane, version } = card;
    call.output.result(
      { agent: name, lane, version, forgotten: true },
      () => `forgot ${name} ${version} in lane ${lane}`,
    );
    const orders = await pauseOf(bus, name);
    if (orders)
      call.output.note(
        `note: ${name} stays ${pausedText(orders)}. Whoever serves it takes no tasks until ${howToResume(name, orders)}`,
      );
    return exitCodes.done;
  });
}

function filterFrom(call: Call): DiscoverFilter {
  const text = call.words[1];
  const labels = toLabels(call.texts("label"));
  const filter: DiscoverFilter = {
    ...(text === undefined ? {} : { text }),
    ...(labels === undefined ? {} : { labels }),
  };
  for (const name of ["skill", "tag", "version"] as const) {
    const value = call.text(name);
    if (value !== undefined) filter[name] = value;
  }
  if (Object.keys(filter).length > 0) return filter;
  throw wrongUsage(
    'find what? say it in words, such as "make this shorter", or by --skill, --tag, --version, --label',
  );
}

type Row = Omit<Discovered, "skills"> & { skill: Discovered["skills"][number] };

function rowOf({ agent, skill, version, lane, score, instances, labels }: Row) {
  return [
    `${agent}.${skill.id}`,
    version,
    lane,
    score?.toFixed(2) ?? "",
    String(instances.length),
    labelsText(labels),
    shorten(skill.description, 50),
  ];
}

export const labelsText = (labels: Readonly<Record<string, string>>): string =>
  Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(" ");

import { z } from "zod";
import { agent, skill, type Level } from "../../index.js";
import { levels } from "../../protocol/levels.js";
import type { Colour } from "../output.js";
import type { Grounds } from "./grounds.js";
import type { Stage } from "./stage.js";

/** Of each level more than it can get in the window that is looked at, so that all have a backlog all through it. */
const backlog: Readonly<Record<Level, number>> = {
  critical: 12,
  high: 8,
  normal: 6,
  low: 4,
};
const windowSize = 15;
const shares: Readonly<Record<Level, number>> = {
  critical: 8,
  high: 4,
  normal: 2,
  low: 1,
};
const colours: Readonly<Record<Level, Colour>> = {
  critical: "red",
  high: "yellow",
  normal: "green",
  low: "blue",
};

export async function priorities(
  stage: Stage,
  grounds: Grounds,
): Promise<void> {
  const total = Object.values(backlog).reduce((sum, count) => sum + count);
  stage.begin("Four priorities", [
    `${total} tasks of four levels wait, the lowest submitted first. Then one worker comes`,
    "that takes one at a time. The higher goes first, yet no level starves: 8:4:2:1.",
  ]);
  const started: Level[] = [];
  const press = printer(started);
  const tasks = [];
  for (const priority of levels.toReversed())
    for (let count = 0; count < backlog[priority]; count++)
      tasks.push(await grounds.submit(press.skills.print, {}, { priority }));
  await using _worker = await grounds.bus.serve(press, {
    concurrency: 1,
    signals: false,
  });
  await Promise.all(tasks.map((task) => task.result({ timeout: "10s" })));
  const first = started.slice(0, windowSize);
  const letters = (order: readonly Level[]) =>
    order
      .map((level) =>
        stage.output.paint(colours[level], level.charAt(0).toUpperCase()),
      )
      .join(" ");
  stage.show([
    ["in this order", letters(first)],
    ["", letters(started.slice(windowSize))],
    [`first ${windowSize}`, inWords(countsOf(first))],
  ]);
  stage.expect(
    `of the first ${windowSize} to start, the levels have about 8:4:2:1, and the lowest is among them`,
    levels.every((level) => isNear(countsOf(first)[level], shares[level])),
    inWords(shares),
    inWords(countsOf(first)),
  );
  stage.expect(
    `all ${total} were done`,
    started.length === total,
    String(total),
    started.length,
  );
}

const printer = (started: Level[]) =>
  agent("press", {
    skills: {
      print: skill({
        description: "Notes the level of each task as it starts",
        input: z.object({}),
        run(_input, task) {
          started.push(task.level);
          return {};
        },
      }),
    },
  });

const isNear = (count: number, share: number): boolean =>
  count >= 1 && Math.abs(count - share) <= 1;

function countsOf(started: readonly Level[]): Record<Level, number> {
  const counts = { critical: 0, high: 0, normal: 0, low: 0 };
  for (const level of started) counts[level]++;
  return counts;
}

const inWords = (counts: Readonly<Record<Level, number>>): string =>
  levels.map((level) => `${level} ${counts[level]}`).join(", ");

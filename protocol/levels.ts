// Priority levels, highest first, with the share of deliveries that each gets when all have a backlog (R6).

export const levels = ["critical", "high", "normal", "low"] as const;

export type Level = (typeof levels)[number];

export const levelWeights: Readonly<Record<Level, number>> = {
  critical: 8,
  high: 4,
  normal: 2,
  low: 1,
};

export const defaultLevel: Level = "normal";

export function isLevel(value: unknown): value is Level {
  return levels.includes(value as Level);
}

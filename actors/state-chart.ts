// A machine as a state chart in Mermaid: each state where it is nested, each arrow with the events that lead
// along it, in the order in which the machine names them.
import { StateMachine, type AnyStateMachine, type AnyStateNode } from "xstate";

export function isMachine(value: unknown): value is AnyStateMachine {
  return value instanceof StateMachine;
}

export function toStateChart({ root }: AnyStateMachine): string {
  return ["stateDiagram-v2", ...statesBelow(root, "  ")].join("\n");
}

function statesBelow(node: AnyStateNode, indent: string): string[] {
  const children = Object.values(node.states);
  const lines = children.map((child) => stateLines(child, indent));
  const arrows = children.flatMap((child) =>
    arrowsFrom(child).map((arrow) => `${indent}${arrow}`),
  );
  if (node.type === "parallel")
    return lines.flatMap((region, at) =>
      at === 0 ? region : [`${indent}--`, ...region],
    );
  const first = node.initial.target[0];
  return [
    ...(first ? [`${indent}[*] --> ${idOf(first)}`] : []),
    ...lines.flat(),
    ...arrows,
  ];
}

function stateLines(node: AnyStateNode, indent: string): string[] {
  const name = `state "${node.key}" as ${idOf(node)}`;
  if (node.type === "atomic" || node.type === "history")
    return [`${indent}${name}`];
  if (node.type === "final")
    return [`${indent}${name}`, `${indent}${idOf(node)} --> [*]`];
  return [
    `${indent}${name} {`,
    ...statesBelow(node, `${indent}  `),
    `${indent}}`,
  ];
}

/** One arrow for all events that lead from one state to another. */
function arrowsFrom(node: AnyStateNode): string[] {
  const labels = new Map<string, string[]>();
  const add = (target: AnyStateNode | undefined, label: string) => {
    const arrow = `${idOf(node)} --> ${idOf(target ?? node)}`;
    const known = labels.get(arrow) ?? [];
    labels.set(arrow, label === "" ? known : [...known, label]);
  };
  const transitions = [...node.transitions.values(), node.always ?? []].flat();
  for (const { target = [], guard, eventType } of transitions)
    add(target[0], labelOf(eventType, guard));
  return [...labels].map(([arrow, events]) =>
    events.length === 0 ? arrow : `${arrow}: ${events.join(", ")}`,
  );
}

function labelOf(eventType: string, guard: unknown): string {
  const event = eventType
    .replace(/^xstate\.after\.(.*?)\..*$/, "after $1")
    .replace(/^xstate\.(done|error)\.(?:actor|state)\..*$/, "$1");
  const condition = guardName(guard);
  return condition === "" ? event : `${event} [${condition}]`.trim();
}

function guardName(guard: unknown): string {
  if (typeof guard === "string") return guard;
  const { type, name } = (guard ?? {}) as { type?: string; name?: string };
  return type ?? name ?? "";
}

/** Mermaid's names hold neither dots nor dashes. */
function idOf({ path }: AnyStateNode): string {
  return path.join("__").replace(/\W/g, "_");
}

// Every `*.machine.ts` that there is, found by its name: its states, its table where it has one, and its chart.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import fc from "fast-check";
import { createActor, type AnyStateNode, type StateValue } from "xstate";
import { isMachine } from "../actors/state-chart.js";
import { machineFiles, machinesPage, page } from "../docs/draw-machines.js";
import { Lifecycle } from "../protocol/lifecycle.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const files = await machineFiles();
const exported = await Promise.all(
  files.map(async (path) => {
    const compiled = `${root}dist/${path.replace(/\.ts$/, ".js")}`;
    const all = (await import(pathToFileURL(compiled).href)) as object;
    return { path, all: Object.values(all) as unknown[] };
  }),
);
const machines = exported.flatMap(({ path, all }) =>
  all.filter(isMachine).map((machine) => ({
    path,
    machine,
    lifecycle: all.find(
      (value): value is Lifecycle<string, string> =>
        value instanceof Lifecycle && value.name === machine.id,
    ),
  })),
);

test("the machines of task, worker and connection are found", () => {
  const names = machines.map(({ machine }) => machine.id);
  for (const name of ["task", "worker", "connection"])
    assert.ok(names.includes(name), `no machine "${name}"`);
});

test(`${page} shows the machines as they are: npm run machines`, async () => {
  assert.equal(readFileSync(`${root}${page}`, "utf8"), await machinesPage());
});

for (const { machine, path, lifecycle } of machines)
  describe(`the machine of ${path}`, () => {
    test("every state can be reached, and every final state is left by nothing", () => {
      const reached = reachable(machine.root);
      const all = descendants(machine.root);
      assert.deepEqual(
        all.filter((node) => !reached.has(node)).map(({ id }) => id),
        [],
      );
      for (const node of all)
        if (node.type === "final") assert.equal(node.transitions.size, 0);
    });

    test("its prose names every state", () => {
      const source = readFileSync(`${root}${path}`, "utf8");
      const head = source.slice(0, source.search(/^(?!\/\/)/m));
      const untold = descendants(machine.root)
        .map(({ key }) => key)
        .filter((key) => !head.includes(key));
      assert.deepEqual(untold, []);
    });

    if (!lifecycle) return;

    test("its table says what the machine itself does, on a walk over every transition", () => {
      let transitions = 0;
      for (const [place, way] of waysTo(lifecycle))
        for (const event of machine.events) {
          const actor = createActor(machine).start();
          for (const step of way) actor.send({ type: step });
          const table = lifecycle.begin();
          for (const step of way) assert.equal(table.send(step), true);
          assert.equal(table.name, place);
          const known = actor.getSnapshot().can({ type: event });
          assert.equal(table.send(event), known, `${place}: ${event}`);
          actor.send({ type: event });
          assert.ok(sameState(actor.getSnapshot().value, table.name));
          assert.equal(actor.getSnapshot().status === "done", table.final);
          transitions += known ? 1 : 0;
        }
      assert.ok(transitions > 0);
    });

    test("its table goes wherever the machine goes, whatever happens", () => {
      const events = fc.array(fc.constantFrom(...machine.events), {
        maxLength: 30,
      });
      fc.assert(
        fc.property(events, (walk) => {
          const actor = createActor(machine).start();
          const table = lifecycle.begin();
          for (const type of walk) {
            actor.send({ type });
            table.send(type);
            if (!sameState(actor.getSnapshot().value, table.name)) return false;
          }
          return lifecycle.fold(walk) === table.name;
        }),
        { numRuns: 200 },
      );
    });
  });

/** What may be entered, if every guard passes. */
function reachable(from: AnyStateNode): Set<AnyStateNode> {
  const reached = new Set<AnyStateNode>();
  const enter = (node: AnyStateNode): void => {
    if (reached.has(node)) return;
    reached.add(node);
    if (node.parent) enter(node.parent);
    if (node.type === "parallel") Object.values(node.states).forEach(enter);
    else if (node.type === "compound")
      node.initial.target.forEach((target) => enter(target));
    for (const { target } of [
      ...[...node.transitions.values()].flat(),
      ...(node.always ?? []),
    ])
      target?.forEach((state) => enter(state));
  };
  enter(from);
  return reached;
}

function descendants(node: AnyStateNode): AnyStateNode[] {
  return Object.values(node.states).flatMap((child) => [
    child,
    ...descendants(child),
  ]);
}

/** The shortest way to each place of a table, by name. */
function waysTo(lifecycle: Lifecycle<string, string>): Map<string, string[]> {
  const ways = new Map<string, string[]>([[lifecycle.initial.name, []]]);
  const queue = [lifecycle.initial];
  for (const place of queue)
    for (const [event, next] of Object.entries(place.next)) {
      if (!next || ways.has(next.name)) continue;
      ways.set(next.name, [...ways.get(place.name)!, event]);
      queue.push(next);
    }
  assert.equal(ways.size, lifecycle.places.length);
  return ways;
}

/** The machine's own nested value, and our name for it. */
function sameState(value: StateValue, name: string): boolean {
  const flat = (inner: unknown, path: string[]): string[] =>
    typeof inner === "string"
      ? [[...path, inner].join(".")]
      : Object.entries(inner as object).flatMap(([key, deeper]) =>
          flat(deeper, [...path, key]),
        );
  return flat(value, []).join(" ") === name;
}

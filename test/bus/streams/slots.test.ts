import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { SlotMap, Slots } from "../../../bus/streams/slots.js";

test("a place that is free again is given to the next, and to nobody else", () => {
  const slots = new Slots<string>();
  const [one, two] = [slots.add("one"), slots.add("two")];
  slots.remove(one);
  slots.remove(one);
  assert.equal(slots.size, 1);
  const three = slots.add("three");
  const four = slots.add("four");
  assert.equal(three, one);
  assert.notEqual(four, three);
  assert.deepEqual([slots.at(two), slots.at(four)], ["two", "four"]);
  assert.deepEqual([...slots].toSorted(), ["four", "three", "two"]);
});

test("by name it is what a Map is, whatever comes and goes", () => {
  const name = fc.constantFrom("a", "b", "c", "d");
  const act = fc.tuple(fc.constantFrom("set", "delete"), name, fc.nat());
  fc.assert(
    fc.property(fc.array(act), (acts) => {
      const slots = new SlotMap<number>();
      const map = new Map<string, number>();
      for (const [verb, key, value] of acts) {
        if (verb === "set") slots.set(key, value);
        else slots.delete(key);
        if (verb === "set") map.set(key, value);
        else map.delete(key);
        assert.equal(slots.get(key), map.get(key));
      }
      assert.deepEqual([...slots], [...map]);
      assert.equal(slots.size, map.size);
    }),
  );
});

test("what has come and gone does not survive because its table grew old", () => {
  const withoutFullCollections = [
    "--expose-gc",
    "--no-incremental-marking",
    "--initial-old-space-size=512",
  ];
  const churn = fileURLToPath(
    new URL("../../support/churn-process.js", import.meta.url),
  );
  const grownBy = (kind: string): number => {
    const { stdout, stderr } = spawnSync(
      process.execPath,
      [...withoutFullCollections, churn, kind],
      { encoding: "utf8" },
    );
    assert.match(stdout, /^\d+\n$/, stderr);
    return Number(stdout);
  };
  const [slots, map] = [grownBy("slots"), grownBy("map")];
  // Of 40 MB. If this fails because of the Map, V8 has mended it and a Map would do.
  assert.ok(slots * 3 < map, `${slots} bytes, with a Map ${map}`);
});

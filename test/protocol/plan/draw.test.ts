import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { drawPlan } from "../../../protocol/plan/draw.js";

const call = (name: string, more: object = {}) => ({
  name,
  call: "a.b",
  ...more,
});

/** From and to, by what the nodes say first. */
function linksOf(picture: string): string[] {
  const names = new Map(
    [...picture.matchAll(/^ *(n\d+)[^"\n]*"([^"<]*)/gm)].map(
      ([, id = "", name = ""]) => [id, name],
    ),
  );
  return [...picture.matchAll(/^ *(n\d+) (\S+?)(?:\|(\w+)\|)? (n\d+)$/gm)].map(
    ([, from = "", , label, to = ""]) =>
      `${names.get(from)} ${label === undefined ? "" : `(${label}) `}> ${names.get(to)}`,
  );
}

test("steps of a list follow each other, those of a parallel begin and end together", () => {
  const picture = drawPlan({
    steps: [
      call("a"),
      {
        name: "p",
        parallel: [call("b"), call("c"), call("d", { after: ["c"] })],
      },
      call("e", { undo: { call: "a.back" } }),
    ],
  });
  assert.match(picture, /^flowchart TD\n/);
  assert.match(picture, /subgraph g\d+\["p"\]\n( {4}.*\n)+ {2}end\n/);
  assert.deepEqual(linksOf(picture), [
    "start > a",
    "a > b",
    "a > c",
    "c > d",
    "b >  ",
    "d >  ",
    "  > e",
    "e (undo) > a.back",
    "e > done",
  ]);
});

test("a condition has a way for yes and one for no", () => {
  const when = { eq: [1, 1] };
  const picture = drawPlan({
    steps: [
      { name: "w", when, do: [call("a")], else: [call("b")] },
      { name: "x", when, do: [call("c")] },
    ],
  });
  assert.deepEqual(linksOf(picture), [
    "start > w",
    "w (yes) > a",
    "w (no) > b",
    "a > x",
    "b > x",
    "x (yes) > c",
    "c > done",
    "x (no) > done",
  ]);
});

test("no text of a plan is taken for Mermaid or HTML", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", minLength: 1 }), (text) => {
      const plan = {
        name: `"]; click n0 <script> ${text}`,
        steps: [
          { name: "ask", approve: text },
          { name: "s", wait: { signal: text.slice(0, 60) } },
        ],
      };
      const lines = drawPlan(plan).trimEnd().split("\n");
      assert.equal(lines.length, 8);
      for (const line of lines.slice(1, 5)) {
        const [, label = ""] = /^ {2}n\d+\S{2}"(.*)"\S{2}$/.exec(line) ?? [];
        assert.notEqual(label, "", line);
        assert.doesNotMatch(
          label.replaceAll("<br/>", "").replaceAll(/#\d+;/g, ""),
          /["<>`;#&[\]{}()|]/,
        );
      }
    }),
  );
});

test("the picture in the guide is that of the example", () => {
  const guide = readFileSync("docs/guides/plans.md", "utf8");
  const plan: unknown = JSON.parse(
    readFileSync("examples/plans/article.json", "utf8"),
  );
  assert.ok(
    guide.includes(`\`\`\`mermaid\n${drawPlan(plan)}\`\`\``),
    "draw it anew by troupe plan draw",
  );
});

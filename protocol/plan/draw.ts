// A plan as a picture: a Mermaid flowchart. Whatever a plan is called and says is escaped, and nodes are named by
// their number, so that no text of it is taken for Mermaid or HTML.
import { parsePlan } from "./check.js";
import { inOrder } from "./cycles.js";
import type { Block, StepNode } from "./outline.js";
import { targetInWords } from "./skills.js";
import type { CallStep, MapStep, Step, VoteStep, WaitStep } from "./step.js";

/** Throws PLAN_INVALID. */
export function drawPlan(plan: unknown): string {
  const checked = parsePlan(plan);
  const drawing = new Drawing();
  const { name } = checked.plan;
  const start = drawing.node("([", "])", [name ?? "start"]);
  const exits = drawing.block(checked.root, [{ id: start }]);
  drawing.link(exits, drawing.node("([", "])", ["done"]));
  return drawing.toString();
}

/** Where the way goes on. */
interface Exit {
  id: string;
  label?: string;
}

class Drawing {
  readonly #lines: string[] = [];
  readonly #links: string[] = [];
  #count = 0;
  #depth = 1;

  toString(): string {
    return [
      "flowchart TD",
      ...this.#lines,
      ...this.#links.map((link) => `  ${link}`),
      "",
    ].join("\n");
  }

  node(left: string, right: string, texts: readonly string[]): string {
    const id = `n${this.#count++}`;
    const label = texts.map(escaped).join("<br/>");
    this.#line(`${id}${left}"${label}"${right}`);
    return id;
  }

  link(exits: readonly Exit[], to: string): void {
    for (const { id, label } of exits)
      this.#links.push(
        label === undefined ? `${id} --> ${to}` : `${id} -->|${label}| ${to}`,
      );
  }

  block(block: Block, entries: readonly Exit[]): readonly Exit[] {
    if (block.order === "parallel") return this.#atOnce(block, entries);
    let exits = entries;
    for (const node of block.nodes) exits = this.#step(node, exits);
    return exits;
  }

  /** Each branch begins where those that it needs end; they come together in one point. */
  #atOnce({ nodes }: Block, entries: readonly Exit[]): readonly Exit[] {
    const exits = new Map<StepNode, readonly Exit[]>();
    for (const node of inOrder(nodes)) {
      const needed = [...node.needs].flatMap((each) => exits.get(each) ?? []);
      exits.set(node, this.#step(node, needed.length > 0 ? needed : entries));
    }
    const last = nodes.filter((node) => !nodes.some((n) => n.needs.has(node)));
    const ends = last.flatMap((node) => exits.get(node)!);
    if (ends.length <= 1) return ends;
    const join = this.node("((", "))", [" "]);
    this.link(ends, join);
    return [{ id: join }];
  }

  #step(node: StepNode, entries: readonly Exit[]): readonly Exit[] {
    const step = node.step!;
    const [left, right, ...texts] = faceOf(step);
    if ("when" in step) return this.#when(node, entries);
    if (node.blocks.length > 0) return this.#inside(node, entries, texts);
    const id = this.node(left, right, [step.name, ...texts]);
    this.link(entries, id);
    if ("call" in step && step.undo) this.#undo(id, step);
    return [{ id }];
  }

  #undo(id: string, { undo }: CallStep): void {
    const other = this.node("[", "]", [targetInWords(undo!.call)]);
    this.#links.push(`${id} -.->|undo| ${other}`);
  }

  #when({ step, blocks }: StepNode, entries: readonly Exit[]) {
    const id = this.node("{", "}", [step!.name]);
    this.link(entries, id);
    const [body, other] = blocks;
    const yes = this.block(body!, [{ id, label: "yes" }]);
    const no: Exit = { id, label: "no" };
    return [...yes, ...(other ? this.block(other, [no]) : [no])];
  }

  #inside(
    { step, blocks }: StepNode,
    entries: readonly Exit[],
    texts: readonly string[],
  ): readonly Exit[] {
    const label = [step!.name, ...texts].map(escaped).join(": ");
    this.#line(`subgraph g${this.#count++}["${label}"]`);
    this.#depth++;
    const exits = this.block(blocks[0]!, entries);
    this.#depth--;
    this.#line("end");
    return exits;
  }

  #line(text: string): void {
    this.#lines.push("  ".repeat(this.#depth) + text);
  }
}

type Face = readonly [left: string, right: string, ...texts: string[]];

function faceOf(step: Step): Face {
  if ("call" in step) return ["[", "]", targetInWords(step.call)];
  if ("vote" in step) return ["{{", "}}", ...votersOf(step)];
  if ("approve" in step) return ["[/", "/]", inWords(step.approve)];
  if ("wait" in step) return ["([", "])", waitOf(step)];
  if ("map" in step) return ["", "", eachOf(step)];
  return ["[", "]"];
}

function votersOf({ vote, rule }: VoteStep): string[] {
  const voters = vote.map((voter) =>
    targetInWords(typeof voter === "string" ? voter : voter.call),
  );
  const asked =
    typeof rule === "object"
      ? `at least ${rule.atLeast}`
      : (rule ?? "majority");
  return [`${asked} of ${voters.length}`, ...new Set(voters)];
}

function waitOf({ wait }: WaitStep): string {
  if (typeof wait !== "object") return `wait ${wait}`;
  if ("signal" in wait) return `wait for ${wait.signal}`;
  return "until" in wait
    ? `wait until ${inWords(wait.until)}`
    : `wait ${inWords(wait.for)}`;
}

const eachOf = ({ map, concurrency }: MapStep): string =>
  `for each of ${inWords(map)}${concurrency === undefined ? "" : `, ${concurrency} at once`}`;

function inWords(value: unknown): string {
  if (typeof value === "string") return value;
  const { ref, param, template } = Object(value) as Record<string, unknown>;
  const said = ref ?? param ?? template;
  return typeof said === "string" ? said : JSON.stringify(value);
}

const longest = 60;

/** As Mermaid writes characters that mean something to it. */
function escaped(text: string): string {
  const line = text.replaceAll(/\s+/g, " ");
  const characters = Array.from(line);
  const cut =
    characters.length > longest
      ? [...characters.slice(0, longest - 1), "…"]
      : characters;
  return cut
    .map((character) =>
      /[\p{L}\p{N} .,:_/@^*+=?!'…-]/u.test(character)
        ? character
        : `#${character.codePointAt(0)};`,
    )
    .join("");
}

// Values in a plan: plain JSON, in which an object of one of four forms stands for what is known only when the
// plan runs:
//
//   {"ref": "steps.draft.text"}           what a step gave; also input…, param…, item…, index, plan.id
//   {"param": "topic"}                    a parameter of the template, the same as {"ref": "param.topic"}
//   {"template": "About ${input.topic}"}  a text with references in it; "$${" stands for "${"
//   {"literal": {"ref": "main"}}          the object itself, where it would be taken for one of these
//
// 1. Nothing else is looked into. A text is that text, whatever stands in it, and what a reference brings is data
//    and never a form: what people and models write cannot reach what the plan does not name.
// 2. Only fields of their own are read from objects: no prototype, nothing that runs.
import { TroupeError } from "../errors.js";

export interface Reference {
  text: string;
  root: string;
  path: readonly string[];
}

/** What references lead to, by their first name. */
export type Roots = Readonly<Record<string, unknown>>;

type Form =
  | { form: "ref" | "param"; reference: Reference; rest: { default?: unknown } }
  | { form: "template"; parts: readonly (string | Reference)[] }
  | { form: "literal"; value: unknown }
  | { form: "wrong"; problem: string };

export type Place = readonly (string | number)[];

export interface FoundReference {
  at: Place;
  reference?: Reference;
  problem?: string;
}

export function parseReference(text: string): Reference | undefined {
  const [root = "", ...path] = text.split(".");
  if (!/^[A-Za-z][\w-]*$/.test(root) || path.includes("")) return undefined;
  return { text, root, path };
}

/** Undefined for plain data. */
export function formOf(value: object): Form | undefined {
  const keys = Object.keys(value);
  if (keys.length === 0 || keys.length > 2) return undefined;
  const fields = value as Record<string, unknown>;
  if (keys.length === 1) {
    if (keys[0] === "literal")
      return { form: "literal", value: fields[keys[0]] };
    if (keys[0] === "template") return templateForm(fields[keys[0]]);
  } else if (!keys.includes("default")) return undefined;
  const form = keys.find((key) => key === "ref" || key === "param");
  return form === undefined ? undefined : referenceForm(form, fields);
}

function referenceForm(
  form: "ref" | "param",
  fields: Record<string, unknown>,
): Form {
  const said = fields[form];
  const text = form === "param" ? `param.${String(said)}` : String(said);
  const reference = typeof said === "string" ? parseReference(text) : undefined;
  if (!reference)
    return wrong(
      `${JSON.stringify(said)} is no ${form === "ref" ? 'reference: expected such as "steps.draft.text"' : 'name of a parameter: expected such as "topic"'}; an object that is meant itself is written {"literal": {"${form}": …}}`,
    );
  const { [form]: _, ...rest } = fields;
  return { form, reference, rest };
}

function templateForm(said: unknown): Form {
  if (typeof said !== "string") return wrong("a template is a text");
  const parts = partsOf(said);
  if (typeof parts === "string") return wrong(parts);
  if (parts.some((part) => typeof part !== "string"))
    return { form: "template", parts };
  return wrong(
    'this template has no "${…}" in it: write the text itself, or {"literal": {"template": …}} for this object',
  );
}

const wrong = (problem: string): Form => ({ form: "wrong", problem });

/** Texts and references in turn, or what is wrong with it. */
function partsOf(text: string): (string | Reference)[] | string {
  const parts: (string | Reference)[] = [];
  let plain = "";
  for (let at = 0; at < text.length;) {
    const open = text.indexOf("${", at);
    if (open === -1) {
      plain += text.slice(at);
      break;
    }
    if (text[open - 1] === "$" && open - 1 >= at) {
      plain += `${text.slice(at, open - 1)}\${`;
      at = open + 2;
      continue;
    }
    const close = text.indexOf("}", open);
    if (close === -1)
      return 'a "${" is not closed by "}": write "$${" for one that is meant itself';
    const inside = text.slice(open + 2, close).trim();
    const reference = parseReference(inside);
    if (!reference)
      return `"\${${inside}}" holds no reference: expected such as "\${steps.draft.text}"`;
    parts.push(plain + text.slice(at, open), reference);
    plain = "";
    at = close + 1;
  }
  return [...parts, plain];
}

/** What a value will be when the plan runs; undefined where only then it is known. */
export function kindOfValue(
  value: unknown,
): "text" | "number" | "boolean" | "null" | "list" | "object" | undefined {
  if (value === null) return "null";
  if (Array.isArray(value)) return "list";
  if (typeof value === "string") return "text";
  if (typeof value === "number" || typeof value === "boolean")
    return typeof value as "number" | "boolean";
  const form = typeof value === "object" ? formOf(value) : undefined;
  switch (form?.form) {
    case undefined:
      return "object";
    case "template":
      return "text";
    case "literal":
      return kindOfPlain(form.value);
    default:
      return undefined;
  }
}

/** Nothing in a literal stands for anything else. */
const kindOfPlain = (value: unknown) =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? "object"
    : kindOfValue(value);

/** A text, or what is written as one, of a value that is known before the plan runs. */
export function knownWords(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null) return inWords(value);
  const form = Array.isArray(value) ? undefined : formOf(value);
  return form?.form === "literal" ? inWords(form.value) : undefined;
}

/** Every reference of a value, and what looks like one and is none, with where it stands. */
export function* referencesIn(value: unknown): Generator<FoundReference> {
  const open: { value: unknown; at: Place }[] = [{ value, at: [] }];
  for (let next = open.pop(); next; next = open.pop()) {
    const { value, at } = next;
    if (typeof value !== "object" || value === null) continue;
    const form = Array.isArray(value) ? undefined : formOf(value);
    if (form === undefined)
      for (const [key, inner] of Object.entries(value).reverse())
        open.push({
          value: inner,
          at: [...at, Array.isArray(value) ? Number(key) : key],
        });
    else if (form.form === "wrong") yield { at, problem: form.problem };
    else if (form.form === "template") {
      for (const part of form.parts)
        if (typeof part !== "string") yield { at, reference: part };
    } else if (form.form !== "literal") {
      yield { at, reference: form.reference };
      if ("default" in form.rest)
        open.push({ value: form.rest.default, at: [...at, "default"] });
    }
  }
}

/** The value with everything in it that stands for another. Throws PLAN_FAILED where a reference leads to nothing. */
export function resolve(value: unknown, roots: Roots): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => resolve(item, roots));
  const form = formOf(value);
  if (form === undefined)
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [key, resolve(inner, roots)]),
    );
  switch (form.form) {
    case "literal":
      return form.value;
    case "template":
      return form.parts
        .map((part) =>
          typeof part === "string" ? part : inWords(found(part, roots)),
        )
        .join("");
    case "wrong":
      throw new TroupeError("PLAN_INVALID", form.problem);
    case "ref":
    case "param": {
      if ("default" in form.rest)
        return (
          lookUp(form.reference, roots) ?? resolve(form.rest.default, roots)
        );
      return found(form.reference, roots);
    }
  }
}

/** Undefined where it leads to nothing. */
export function lookUp({ root, path }: Reference, roots: Roots): unknown {
  let value: unknown = Object.hasOwn(roots, root) ? roots[root] : undefined;
  for (const key of path) {
    if (value === undefined || value === null) return undefined;
    value = Object.hasOwn(Object(value) as object, key)
      ? (value as Record<string, unknown>)[key]
      : undefined;
  }
  return value;
}

function found(reference: Reference, roots: Roots): unknown {
  const value = lookUp(reference, roots);
  if (value !== undefined) return value;
  throw new TroupeError(
    "PLAN_FAILED",
    `reference "${reference.text}" leads to nothing: correct it, or say what stands in its place by {"ref": "${reference.text}", "default": …}`,
  );
}

/** As it stands in a text. */
export const inWords = (value: unknown): string =>
  typeof value === "string" ? value : JSON.stringify(value);

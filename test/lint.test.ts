// Shows that the linter refuses what docs/architecture.md forbids: one run of it over a folder of
// offending files, linted with the repository's own configuration, then one test per offence.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";

const repository = fileURLToPath(new URL("../../", import.meta.url));

/** What each folder may import besides itself. */
const mayImport: Record<string, readonly string[]> = {
  protocol: [],
  bus: ["protocol"],
  actors: ["protocol", "bus"],
  workers: ["protocol", "bus", "actors"],
  orchestrator: ["protocol", "bus", "actors"],
  gateways: ["protocol", "bus", "actors", "workers", "orchestrator"],
  cli: ["protocol", "bus", "actors", "workers", "orchestrator", "gateways"],
};
const folders = Object.keys(mayImport);
const notShipped = ["test", "bench", "examples"];

interface Case {
  title: string;
  path: string;
  source: string;
  /** The rule that must report it; without one, nothing may. */
  rule?: string;
}

const directions: Case[] = folders.flatMap((from) =>
  [...folders, ...notShipped]
    .filter((to) => to !== from)
    .flatMap((to) => {
      const allowed = mayImport[from]?.includes(to);
      return ["", "nested/"].map((nested) => ({
        title: `${from}/${nested} ${allowed ? "may" : "may not"} import ${to}/`,
        path: `${from}/${nested}imports-${to}.ts`,
        source: `export { name } from "${nested && "../"}../${to}/target.js";`,
        ...(allowed ? {} : { rule: "eslint(no-restricted-imports)" }),
      }));
    }),
);

const packages: Case[] = [...folders, ...notShipped].flatMap((folder) => {
  const raw = folder === "test" || folder === "bench";
  const shipped = !notShipped.includes(folder);
  const using = (name: string, file: string, allowed: boolean): Case => ({
    title: `${folder}/${file} ${allowed ? "may" : "may not"} import ${name}`,
    path: `${folder}/${file}`,
    source: `import * as all from "${name}";\nexport const used = [all];`,
    ...(allowed ? {} : { rule: "eslint(no-restricted-imports)" }),
  });
  return [
    using("@nats-io/jetstream", "nats.ts", raw || folder === "bus"),
    using(
      "xstate",
      "state.ts",
      raw || folder === "actors" || folder === "examples",
    ),
    using("xstate", "some.machine.ts", true),
    using("node:fs/promises", "files.ts", folder !== "protocol"),
    using("node:net", "io.machine.ts", !shipped),
    using("@nats-io/kv", "nats.machine.ts", raw),
  ];
});

const offences: Case[] = [
  {
    title: "a floating promise",
    path: "bus/floating.ts",
    source: `import { work } from "../protocol/target.js";\nexport function start(): void {\n  work();\n}`,
    rule: "typescript(no-floating-promises)",
  },
  {
    title: "an async function in a void slot",
    path: "bus/void-slot.ts",
    source: `import { work } from "../protocol/target.js";\nexport const timer = setTimeout(async () => {\n  await work();\n}, 1);`,
    rule: "typescript(no-misused-promises)",
  },
  {
    title: "an async listener",
    path: "bus/listener.ts",
    source: `import { work } from "../protocol/target.js";\nprocess.on("exit", async () => {\n  await work();\n});`,
    rule: "typescript(no-misused-promises)",
  },
  {
    title: "an await of what is no promise",
    path: "bus/awaits.ts",
    source: `import { name } from "../protocol/target.js";\nexport const upper = async () => {\n  const known = name.toUpperCase();\n  return [await known];\n};`,
    rule: "typescript(await-thenable)",
  },
  {
    title: "a promise returned from try without await",
    path: "bus/returns.ts",
    source: `import { work } from "../protocol/target.js";\nexport async function quiet() {\n  try {\n    return work();\n  } catch {\n    return 0;\n  }\n}`,
    rule: "typescript(return-await)",
  },
  {
    title: "an error that loses its cause",
    path: "bus/cause.ts",
    source: `import { work } from "../protocol/target.js";\nexport async function loud() {\n  try {\n    return await work();\n  } catch (error) {\n    throw new Error("lost");\n  }\n}`,
    rule: "eslint(preserve-caught-error)",
  },
  {
    title: "any",
    path: "bus/any.ts",
    source: `export const anything = (value: any): unknown => value;`,
    rule: "typescript(no-explicit-any)",
  },
  {
    title: "a namespace",
    path: "bus/namespace.ts",
    source: `export namespace Space {\n  export const one = 1;\n}`,
    rule: "typescript(no-namespace)",
  },
  {
    title: "a parameter property",
    path: "bus/parameter.ts",
    source: `export class Place {\n  constructor(readonly name: string) {}\n}`,
    rule: "typescript(parameter-properties)",
  },
  {
    title: "export *",
    path: "bus/star.ts",
    source: `export * from "../protocol/target.js";`,
    rule: "oxc(no-barrel-file)",
  },
  {
    title: "a cycle, from its first file",
    path: "bus/cycle-one.ts",
    source: `import { two } from "./cycle-two.js";\nexport const one = (): unknown => two;`,
    rule: "import(no-cycle)",
  },
  {
    title: "a cycle, from its second file",
    path: "bus/cycle-two.ts",
    source: `import { one } from "./cycle-one.js";\nexport const two = (): unknown => one;`,
    rule: "import(no-cycle)",
  },
  {
    title: "a cycle of types",
    path: "bus/cycle-type.ts",
    source: `import type { Other } from "./cycle-other.js";\nexport interface One {\n  other: Other;\n}`,
    rule: "import(no-cycle)",
  },
  {
    title: "a wrong direction in an import of types",
    path: "bus/upward-type.ts",
    source: `import type { name } from "../workers/target.js";\nexport type Name = typeof name;`,
    rule: "eslint(no-restricted-imports)",
  },
  {
    title: "a wrong direction in a dynamic import",
    path: "bus/upward-dynamic.ts",
    source: `export const late = () => import("../workers/target.js");`,
    rule: "eslint(no-restricted-imports)",
  },
  {
    title: "a wrong direction on a detour",
    path: "bus/upward-detour.ts",
    source: `export { name } from "./../protocol/../workers/target.js";`,
    rule: "eslint(no-restricted-imports)",
  },
  {
    title: "xstate in another file of that name",
    path: "protocol/nested/lifecycle.ts",
    source: `import * as all from "xstate";\nexport const used = [all];`,
    rule: "eslint(no-restricted-imports)",
  },
  {
    title: "an import hidden in a type",
    path: "bus/upward-inline.ts",
    source: `export type Name = typeof import("../workers/target.js").name;`,
    rule: "typescript(consistent-type-imports)",
  },
  {
    title: "the public entry imported from inside",
    path: "workers/entry.ts",
    source: `export { name } from "../index.js";`,
    rule: "eslint(no-restricted-imports)",
  },
];

const clean: Case[] = [
  {
    title: "a clean file",
    path: "workers/clean.ts",
    source: `import { name, work } from "../protocol/target.js";\nexport async function run(): Promise<string> {\n  await work();\n  return name;\n}`,
  },
  {
    title: "the one file of protocol/ that may import xstate",
    path: "protocol/lifecycle.ts",
    source: `import { transition } from "xstate";\nexport const step = transition;`,
  },
  {
    title: "the public entry, which imports from anywhere",
    path: "index.ts",
    source: folders
      .map((name) => `export { name as ${name} } from "./${name}/target.js";`)
      .join("\n"),
  },
  {
    title: "tests, whose promises node:test keeps",
    path: "test/some.test.ts",
    source: `import { describe, it, test } from "node:test";\nimport { work } from "../protocol/target.js";\ntest("one", async () => {\n  await work();\n});\ndescribe("two", () => {\n  it("three", async () => {\n    await work();\n  });\n});`,
  },
];

const cases = [...directions, ...packages, ...offences, ...clean];

/** What the cases import. */
const targets: Record<string, string> = {
  "bus/cycle-other.ts": `import type { One } from "./cycle-type.js";\nexport interface Other {\n  one: One;\n}`,
  ...Object.fromEntries(
    [...folders, ...notShipped].map((folder) => [
      `${folder}/target.ts`,
      `export const name: string = "${folder}";\nexport const work = () => Promise.resolve(1);`,
    ]),
  ),
};

let fixture: string;
const reported = new Map<string, string[]>();

before(() => {
  fixture = realpathSync(mkdtempSync(join(tmpdir(), "troupe-lint-")));
  for (const name of [".oxlintrc.json", "tsconfig.json"])
    cpSync(join(repository, name), join(fixture, name));
  symlinkSync(
    join(repository, "node_modules"),
    join(fixture, "node_modules"),
    "junction",
  );
  for (const { path, source } of cases) write(path, source);
  for (const [path, source] of Object.entries(targets)) write(path, source);
  for (const { filename, code } of lint())
    reported.set(filename, [...(reported.get(filename) ?? []), code]);
});

after(() => rmSync(fixture, { recursive: true, force: true }));

for (const [title, group] of Object.entries({
  "the linter knows the direction of imports": directions,
  "the linter knows who may import which package": packages,
  "the linter refuses": offences,
  "the linter accepts": clean,
}))
  describe(title, () => {
    for (const { title, path, rule } of group)
      test(title, () => {
        const codes = reported.get(path) ?? [];
        if (rule === undefined) assert.deepEqual(codes, []);
        else assert.ok(codes.includes(rule), `reported: [${codes.join(", ")}]`);
      });
  });

function write(path: string, source: string): void {
  const file = join(fixture, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${source}\n`);
}

interface Diagnostic {
  code: string;
  filename: string;
}

function lint(): Diagnostic[] {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [
      join(repository, "node_modules/oxlint/bin/oxlint"),
      "--type-aware",
      "--deny-warnings",
      "--format=json",
    ],
    { cwd: fixture, encoding: "utf8", timeout: 60_000 },
  );
  assert.equal(status, 1, `oxlint did not find the offences: ${stderr}`);
  const report = JSON.parse(stdout) as {
    diagnostics: Diagnostic[];
    number_of_files: number;
  };
  // A file that was not looked at would pass for a clean one.
  assert.equal(
    report.number_of_files,
    cases.length + Object.keys(targets).length,
  );
  return report.diagnostics.map(({ code, filename }) => ({
    code,
    filename: filename.replaceAll("\\", "/"),
  }));
}

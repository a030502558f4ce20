// The TypeScript of the README and the guides is compiled against the package, for nobody tries it out again when a
// name changes.
//
// The blocks of a page continue each other, unless one begins anew: where a comment `<!-- given: … -->` stands before
// it, with what the page leaves unsaid; `<!-- file: worker.ts -->` begins a file that others import. Each module has its lines where the page has them, so that an error names them.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));
/** Within the package, so that it is found by its own name. */
const folder = join(root, "dist", "test", "guides");
const tsc = join(root, "node_modules", "typescript", "bin", "tsc");

const guides = readdirSync(join(root, "docs/guides"))
  .filter((name) => name.endsWith(".md"))
  .map((name) => `docs/guides/${name}`);
const pages = ["README.md", ...guides];

/** A page that is wrong, to see that it is found. */
const wrongPage = `# Wrong

<!-- given: declare const bus: import("troupe").Bus; -->

\`\`\`ts
await bus.close();
\`\`\`

\`\`\`ts
await bus.shut();
\`\`\`
`;

interface Module {
  page: string;
  /** Without ".ts". */
  name: string;
  lines: string[];
}

describe("the guides", () => {
  test("what they show compiles, and what is wrong would be found", () => {
    const modules = pages.flatMap((page) =>
      modulesOf(page, readFileSync(join(root, page), "utf8")),
    );
    assert.ok(modules.length >= 10, "there are hardly any blocks");
    const errors = compile([...modules, ...modulesOf("wrong.md", wrongPage)]);
    const isKnown = (error: string) => error.startsWith("wrong.md:10: ");
    assert.equal(errors.filter(isKnown).length, 1);
    assert.deepEqual(
      errors.filter((error) => !isKnown(error)),
      [],
    );
  });
});

let modulesNamed = 0;
const newName = () => `module${modulesNamed++}`;

/** Blank where the page has no TypeScript, or that of another module. */
function modulesOf(page: string, text: string): Module[] {
  const modules: Module[] = [];
  let at = 0;
  let open: "given" | "block" | undefined;
  const begin = (name = newName()) =>
    modules.push({ page, name, lines: Array<string>(at).fill("") });
  const add = (line: string) => {
    const { lines } = modules.at(-1)!;
    while (lines.length < at) lines.push("");
    lines.push(line);
  };
  for (const line of text.split("\n")) {
    const file = /^ *<!-- file: (\w+)\.ts -->$/.exec(line)?.[1];
    const given = /^ *<!-- given:(.*)$/.exec(line)?.[1];
    if (file !== undefined) begin(file);
    else if (given !== undefined) {
      begin();
      add(given.replace(/-->$/, ""));
      open = given.endsWith("-->") ? undefined : "given";
    } else if (open === "given" && line.endsWith("-->")) open = undefined;
    else if (open === "block" && /^ *```$/.test(line)) open = undefined;
    else if (open) add(line);
    else if (/^ *```ts\b/.test(line)) {
      if (modules.length === 0) begin();
      open = "block";
    }
    at++;
  }
  return modules;
}

/** Resolves with the errors, each with its page and line. */
function compile(modules: readonly Module[]): string[] {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const { name, lines } of modules)
    writeFileSync(
      join(folder, `${name}.ts`),
      `${lines.join("\n")}\nexport {};\n`,
    );
  const compilerOptions = {
    noEmit: true,
    allowImportingTsExtensions: true,
    incremental: false,
    noUnusedLocals: false,
    noUnusedParameters: false,
  };
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({
      extends: "../../../tsconfig.json",
      compilerOptions,
      include: ["*.ts"],
      exclude: [],
    }),
  );
  const { stdout, stderr, error } = spawnSync(
    process.execPath,
    [tsc, "--project", folder, "--pretty", "false"],
    { encoding: "utf8", timeout: 60_000, cwd: folder },
  );
  assert.equal(error, undefined, stderr);
  const errors = stdout.split("\n").filter((line) => line.includes("error TS"));
  assert.equal(stderr, "");
  return errors.map((line) =>
    line.replace(
      /^.*?(\w+)\.ts\((\d+),\d+\): error /,
      (_, name: string, at: string) => {
        const module = modules.find((each) => each.name === name)!;
        return `${module.page}:${at}: `;
      },
    ),
  );
}

// Documentation that names what is not there misleads: paths, links and the index of decisions are checked.
import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join, sep } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));
const topFolders =
  "protocol|bus|actors|workers|orchestrator|gateways|cli|test|bench|docs|examples|\\.ci";

/** Decisions tell of their own time: what they name may be gone. */
const decisionsFolder = "docs/decisions";
const decisions = markdownBelow(decisionsFolder);
const pages = [
  ...["README.md", "CONTRIBUTING.md"].filter(exists),
  ...markdownBelow("docs").filter(
    (page) => !page.startsWith(`${decisionsFolder}/`),
  ),
];

describe("documentation", () => {
  test("guides are among the pages that are checked, and decisions are not", () => {
    assert.ok(pages.includes("docs/guides/tasks.md"));
    assert.ok(!pages.some((page) => decisions.includes(page)));
  });

  for (const page of pages)
    test(`${page} names only paths that exist`, () => {
      assert.deepEqual(pathsIn(withoutFences(read(page))).filter(missing), []);
    });

  for (const page of [...pages, ...decisions])
    test(`${page} links only to files that exist`, () => {
      const links = linksIn(withoutFences(read(page)));
      assert.deepEqual(
        links.filter((link) => !exists(join(dirname(page), link))),
        [],
      );
    });

  test("docs/architecture.md shows only folders that exist", () => {
    const named = foldersIn(read("docs/architecture.md"));
    assert.ok(named.length > 0, "it shows no folder at all");
    assert.deepEqual(named.filter(missing), []);
  });

  test("the README tells users to call what .ci/run calls", () => {
    const readme = read("README.md");
    const commands = read(".ci/run").match(/^npm .*$/gm) ?? [];
    assert.ok(commands.length > 0, ".ci/run calls nothing");
    assert.deepEqual(
      commands.filter((command) => !readme.includes(command)),
      [],
    );
  });
});

describe("decisions", () => {
  const numbered = decisions.filter((page) => /\/\d{4}-/.test(page));
  const index = linksIn(read("docs/decisions/README.md"));

  test("every decision is in the index, in order, and nothing else is", () => {
    assert.deepEqual(
      index.map((link) => `docs/decisions/${link}`),
      numbered,
    );
  });

  test("every decision has a number of its own and bears it in its title", () => {
    const numbers = numbered.map(numberOf);
    assert.equal(new Set(numbers).size, numbers.length);
    for (const page of numbered)
      assert.match(read(page), new RegExp(`^# ${numberOf(page)}: `));
  });
});

test("paths are recognised in prose", () => {
  const prose =
    "`bus/streams/publisher.ts:12`, `nats.conf` and `bus/delivery/`, but not `tasks/get`, `bus/*.ts`, `npm test` or `dist/x.js`";
  assert.deepEqual(pathsIn(prose), [
    "bus/streams/publisher.ts",
    "nats.conf",
    "bus/delivery/",
  ]);
});

test("folders are recognised in a picture of the layout", () => {
  const layout =
    "see test/support/ below\n```\nlost/       gone\nbus/delivery/  policies\n```\n";
  assert.deepEqual(foldersIn(layout), [
    "test/support/",
    "lost/",
    "bus/delivery/",
  ]);
});

/** What stands in backticks and looks like a path of this repository. */
function pathsIn(text: string): string[] {
  const inRepository = new RegExp(`^(${topFolders})/[\\w./-]*$`);
  const atTop = /^[\w-][\w.-]*\.(md|conf|json|ts)$/;
  return [...text.matchAll(/`([^`\n]+)`/g)]
    .map(([, code = ""]) => code.replace(/^\.\//, "").replace(/[:#]\w+$/, ""))
    .filter((code) => inRepository.test(code) || atTop.test(code));
}

/** What begins a line of a picture with a slash at its end, and any path that begins with a top folder. */
function foldersIn(text: string): string[] {
  const path = new RegExp(
    `(?<![\\w/.@-])(?:${topFolders})/(?:[\\w-]+/)*|^[\\w.-]+/(?=\\s)`,
    "gm",
  );
  return [...text.matchAll(path)].map(([folder]) => folder);
}

/** Targets of Markdown links, without those that lead out of the repository. */
function linksIn(text: string): string[] {
  return [...text.matchAll(/\]\(([^)\s#]+)(?:#[^)]*)?\)/g)]
    .map(([, target = ""]) => target)
    .filter((target) => !/^[a-z]+:/.test(target));
}

function numberOf(decision: string): string {
  return /\d{4}/.exec(decision)?.[0] ?? "";
}

function withoutFences(text: string): string {
  return text.replace(/^```[\s\S]*?^```/gm, "");
}

function markdownBelow(folder: string): string[] {
  if (!exists(folder)) return [];
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => `${folder}/${name.replaceAll(sep, "/")}`)
    .sort();
}

function read(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

function exists(path: string): boolean {
  return existsSync(join(root, path));
}

function missing(path: string): boolean {
  return !exists(path);
}

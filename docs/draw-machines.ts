// Writes docs/machines.md: of every `*.machine.ts` what its head tells in prose, and its state chart. A test
// compares the page with the machines.
import { readFile, readdir, writeFile } from "node:fs/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { isMachine, toStateChart } from "../actors/state-chart.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
export const page = "docs/machines.md";
const notOurs = /^(node_modules|dist|test|examples)\//;

export async function machineFiles(): Promise<string[]> {
  const found = await readdir(root, { recursive: true });
  return found
    .map((path) => path.replaceAll("\\", "/"))
    .filter((path) => path.endsWith(".machine.ts") && !notOurs.test(path))
    .sort();
}

export async function machinesPage(): Promise<string> {
  const sections = (await machineFiles()).map(sectionOf);
  return (
    [
      "# Machines",
      "The lifecycles, as `*.machine.ts` says them: drawn by `npm run machines`, not by hand. An event that no arrow of a state bears is ignored there, or refused where it was demanded.",
      ...(await Promise.all(sections)),
      "",
    ]
      .join("\n\n")
      .trimEnd() + "\n"
  );
}

async function sectionOf(path: string): Promise<string> {
  const compiled = `${root}dist/${path.replace(/\.ts$/, ".js")}`;
  const exported = (await import(pathToFileURL(compiled).href)) as object;
  const machines = Object.values(exported).filter(isMachine);
  if (machines.length === 0)
    throw new Error(
      `${path} exports no machine: export what createMachine answers`,
    );
  const charts = machines.map(
    (machine) => `\`\`\`mermaid\n${toStateChart(machine)}\n\`\`\``,
  );
  return [
    `## ${machines.map(({ id }) => id).join(", ")}`,
    `\`${path}\``,
    proseOf(path, await readFile(`${root}${path}`, "utf8")),
    ...charts,
  ].join("\n\n");
}

/** The comment at the head, as Markdown. */
function proseOf(path: string, source: string): string {
  const lines = source.split("\n");
  const end = lines.findIndex((line) => !line.startsWith("//"));
  const prose = lines.slice(0, end).map((line) => line.replace(/^\/\/ ?/, ""));
  if (prose.length === 0)
    throw new Error(`${path} tells nothing: begin it with its states in prose`);
  return prose.join("\n");
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  await writeFile(`${root}${page}`, await machinesPage());

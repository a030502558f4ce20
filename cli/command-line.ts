// The commands that messages show, so that they can be typed as they stand.
import { join, relative } from "node:path";
import { argv } from "node:process";

/**
 * The whole command, called as the user has called this one, of what stands behind `troupe`:
 * commandLine`tasks show ${id}`. What is put in is one word each, and quoted where a shell would read it otherwise.
 */
export const commandLine = (
  words: TemplateStringsArray,
  ...given: readonly string[]
): string => `${ownName()} ${String.raw(words, ...given.map(toWord))}`;

/** `ok`, `'ok[2]'`, `'two words'` */
export const toWord = (text: string): string =>
  /^[\w@./:,+-][\w@./:,+=%~-]*$/.test(text)
    ? text
    : `'${text.replaceAll("'", String.raw`'\''`)}'`;

/**
 * `npx troupe`, unless it is known to be called otherwise: as a file of a copy of the repository, or as a command
 * that is installed for all folders.
 */
export function ownName(script = argv[1] ?? "", cwd = process.cwd()): string {
  const isInstalledHere = /[/\\]node_modules[/\\]/.test(script);
  if (!isInstalledHere && script.endsWith(join("cli", "main.js"))) {
    const near = relative(cwd, script);
    return `node ${near.startsWith("..") ? script : near}`;
  }
  return !isInstalledHere && script.endsWith("troupe")
    ? "troupe"
    : "npx troupe";
}

// What is said while a server is looked for: few lines in a log, one line rewritten on a terminal.
export type OnProgress = (line: string) => void;

const carriageReturn = "\r\u001b[2K";

/** To stderr. Lines that end in "%" replace each other on a terminal. */
export function printProgress(
  stream: { isTTY?: boolean; write(text: string): unknown } = process.stderr,
): OnProgress {
  let isOpen = false;
  return (line) => {
    const isStep = line.endsWith("%");
    if (!stream.isTTY) return void stream.write(`${line}\n`);
    stream.write(`${isOpen ? carriageReturn : ""}${line}${isStep ? "" : "\n"}`);
    isOpen = isStep;
  };
}

/** Reports quarters: few enough for a log, enough to see that it moves. */
export function downloadProgress(
  what: string,
  onProgress: OnProgress,
): (bytes: number, total: number) => void {
  let last = 0;
  return (bytes, total) => {
    const percent = total > 0 ? Math.floor((bytes / total) * 4) * 25 : 0;
    if (percent === last) return;
    last = percent;
    onProgress(`downloading ${what}: ${percent}%`);
  };
}

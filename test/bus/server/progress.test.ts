import assert from "node:assert/strict";
import { test } from "node:test";
import {
  downloadProgress,
  printProgress,
} from "../../../bus/server/progress.js";

function recorder(isTTY: boolean) {
  const written: string[] = [];
  return {
    written,
    stream: { isTTY, write: (text: string) => written.push(text) },
  };
}

test("a log gets one line for each quarter of a download", () => {
  const { written, stream } = recorder(false);
  const report = downloadProgress("it", printProgress(stream));
  for (let bytes = 0; bytes <= 1000; bytes++) report(bytes, 1000);
  assert.deepEqual(written, [
    "downloading it: 25%\n",
    "downloading it: 50%\n",
    "downloading it: 75%\n",
    "downloading it: 100%\n",
  ]);
});

test("a terminal gets one line that is written anew, and what follows takes its place", () => {
  const { written, stream } = recorder(true);
  const print = printProgress(stream);
  for (const line of ["begin", "50%", "100%", "done"]) print(line);
  const again = "\r\u001b[2K";
  assert.equal(written.join(""), `begin\n50%${again}100%${again}done\n`);
});

test("a download of unknown size is not reported in parts", () => {
  const lines: string[] = [];
  downloadProgress("it", (line) => lines.push(line))(10, 0);
  assert.deepEqual(lines, []);
});

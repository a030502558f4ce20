// The official release of nats-server for this platform, checked against pinned SHA-256 sums.
// The sums of Linux are those of NATS' own container images (nats-io/nats-docker); those of macOS
// were found alike in two independent projects that pin the same release (for arm64 in three).
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { TroupeError } from "../../protocol/errors.js";
import { downloadProgress, type OnProgress } from "./progress.js";

const run = promisify(execFile);

export const releaseVersion = "2.14.5";

const sums: Readonly<Record<string, string>> = {
  "linux-amd64":
    "5e3b603d47c447bda1f77f9ac16dbf91c90aac4ff3681f8fbbc7201e4ed99355",
  "linux-arm64":
    "673a98d3faa79dde3f9ebf16d6dfac36a5f694e7ad2015e4954dd7939c85cd4c",
  "linux-386":
    "7eb520d5080d2c4b2e9ad0866aa301f7c7af35058bfae61c1ba0cef472d21d47",
  "linux-arm7":
    "c8796b63a8603fdebabd63146ac3d3997c29a2829fdd2af6db320f4a287f2e71",
  "linux-s390x":
    "829193e8c592e0df5f15402c27417df18d26503d22b77dfc9491982fe0b51a67",
  "linux-ppc64le":
    "5d8f1a264a3bc4b30899814ae8e898b1268e817074635adddd24b32f388e4cc4",
  "linux-loong64":
    "e0c584e45453c5a5ed387f14a96eaa8cb84cb110f0ff9031699087b23e3b2c2d",
  "darwin-amd64":
    "f95c98d6b6ed2b63c5681b46b092c9585c99767d547cf495730c329234625e96",
  "darwin-arm64":
    "ddd907854d9a2de834af133fa396915fe6442fe6d8909ae31390d1ea7a0fea50",
};

/** What NATS calls the processors that Node names otherwise. */
const processors: Readonly<Record<string, string>> = {
  x64: "amd64",
  ia32: "386",
  arm: "arm7",
  ppc64: "ppc64le",
};

const connectTimeoutMs = 4000;

/** Downloads and unpacks it into `folder`, and answers the binary's path. Throws DOWNLOAD_FAILED. */
export async function downloadRelease(
  folder: string,
  onProgress: OnProgress,
): Promise<string> {
  const platform = `${process.platform}-${processors[process.arch] ?? process.arch}`;
  const sum = sums[platform];
  if (sum === undefined)
    throw new TroupeError(
      "DOWNLOAD_FAILED",
      `no release of nats-server is pinned for "${platform}"; install nats-server yourself`,
    );
  const name = `nats-server-v${releaseVersion}-${platform}`;
  const url = `https://github.com/nats-io/nats-server/releases/download/v${releaseVersion}/${name}.tar.gz`;
  const archive = await download(url, onProgress);
  requireSum(archive, sum, url);
  const path = join(folder, "release.tar.gz");
  await writeFile(path, archive);
  await run("tar", ["-xzf", path, "-C", folder, `${name}/nats-server`]);
  return join(folder, name, "nats-server");
}

/** Throws DOWNLOAD_FAILED when the bytes are not the ones that were pinned. */
export function requireSum(bytes: Buffer, expected: string, url: string): void {
  const found = createHash("sha256").update(bytes).digest("hex");
  if (found !== expected)
    throw new TroupeError(
      "DOWNLOAD_FAILED",
      `"${url}" has the SHA-256 "${found}", and "${expected}" was expected; do not use it, see who changes what you download`,
      { retryable: false },
    );
}

async function download(url: string, onProgress: OnProgress): Promise<Buffer> {
  const response = await open(url);
  const total = Number(response.headers.get("content-length") ?? 0);
  const report = downloadProgress(`nats-server ${releaseVersion}`, onProgress);
  const parts: Uint8Array[] = [];
  let received = 0;
  for await (const part of response.body ?? []) {
    parts.push(part);
    received += part.length;
    report(received, total);
  }
  return Buffer.concat(parts);
}

/** Fails within seconds where the site cannot be reached: other sources wait behind it. */
async function open(url: string): Promise<Response> {
  const aborter = new AbortController();
  const timer = setTimeout(
    () => aborter.abort(new Error(`no answer within ${connectTimeoutMs} ms`)),
    connectTimeoutMs,
  );
  const response = await fetch(url, { signal: aborter.signal }).finally(() =>
    clearTimeout(timer),
  );
  if (response.ok) return response;
  throw new Error(`"${url}" answered with status ${response.status}`);
}

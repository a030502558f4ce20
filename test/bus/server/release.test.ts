import assert from "node:assert/strict";
import { test } from "node:test";
import { messageOf } from "../../../protocol/errors.js";
import {
  downloadRelease,
  releaseVersion,
  requireSum,
} from "../../../bus/server/release.js";
import { isNewEnough, versionOf } from "../../../bus/server/version.js";
import { temporaryDirectory } from "../../support/temporary-directory.js";

test("bytes that are not the pinned ones are refused, with both sums", () => {
  const empty =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
  requireSum(Buffer.alloc(0), empty, "https://example.com/it");
  assert.throws(
    () => requireSum(Buffer.from("x"), empty, "https://example.com/it"),
    (error: Error & { code: string; retryable: boolean }) => {
      assert.equal(error.code, "DOWNLOAD_FAILED");
      assert.equal(error.retryable, false);
      assert.ok(error.message.includes(`"${empty}" was expected`));
      return true;
    },
  );
});

test("the pinned release is new enough", () => {
  assert.ok(isNewEnough(releaseVersion));
});

test("the official release passes its pinned sum and runs; where it cannot be reached, that shows within seconds", async (t) => {
  const folder = await temporaryDirectory(t);
  const begin = Date.now();
  const path = await downloadRelease(folder, () => undefined).catch(
    (error: unknown) => {
      assert.ok(Date.now() - begin < 6000, "the failure took too long");
      assert.doesNotMatch(messageOf(error), /SHA-256/);
      return undefined;
    },
  );
  if (path === undefined) return t.skip("github.com cannot be reached");
  assert.equal(await versionOf(path), releaseVersion);
});

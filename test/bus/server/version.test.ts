import assert from "node:assert/strict";
import { test } from "node:test";
import {
  compareVersions,
  isNewEnough,
  minimumVersion,
} from "../../../bus/server/version.js";

test("versions are compared by number, not by letter", () => {
  assert.ok(compareVersions("2.12.10", "2.12.9") > 0);
  assert.ok(compareVersions("2.9.0", "2.12.0") < 0);
  assert.ok(compareVersions("3.0.0", "2.99.99") > 0);
  assert.equal(compareVersions("2.12.0-RC.1", "2.12.0"), 0);
});

test("the version that is needed is new enough, the one before it is not", () => {
  assert.ok(isNewEnough(minimumVersion));
  assert.ok(isNewEnough("2.15.1"));
  assert.ok(!isNewEnough("2.11.99"));
});

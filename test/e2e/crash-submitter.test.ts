// Submitters killed -9 right after the acknowledgement, and everything killed at once: what was accepted is on the
// streams, so it ends (R1), and all comes back from them alone (R5).
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { connect } from "../../index.js";
import { audit } from "../support/audit.js";
import { startChild } from "../support/child.js";
import { eventually } from "../support/eventually.js";
import { hand, startHand } from "../support/hands.js";
import { testServer } from "../support/server.js";
import { sharedServer } from "../support/shared-server.js";

const shared = sharedServer();

interface Place {
  url: string;
  namespace: string;
}

const startSubmitter = (
  t: TestContext,
  place: Place,
  more: { lanes: number; ms: number },
) =>
  startChild<{ accepted: string }>(t, "submitter-process", {
    ...place,
    ...more,
  });

test("every task that a submitter knew to be accepted when it was killed ends exactly once", async (t) => {
  const rounds = Number(process.env["TROUPE_KILLS"] ?? 4);
  const bus = await shared.connect(t);
  const place = { url: bus.url, namespace: bus.namespace };
  const accepted: string[] = [];
  const submitters = Array.from({ length: rounds }, async (_, round) => {
    const submitter = await startSubmitter(t, place, { lanes: 50, ms: 0 });
    await eventually(() => submitter.said.length > round * 200);
    await submitter.kill();
    accepted.push(...submitter.said.map((said) => said.accepted));
  });
  // Nobody works yet for the first ones, and somebody for the last.
  await submitters[0];
  await startHand(t, { ...place, concurrency: 128 });
  await Promise.all(submitters);
  await Promise.all(accepted.map((id) => bus.task(id).result()));
  const { ends } = await audit({ ...place, accepted });
  t.diagnostic(
    `${rounds} kills, ${accepted.length} accepted, ${ends.size} ended`,
  );
});

test("when workers, submitters and the server are all killed at once, everything comes back and finishes", async (t) => {
  const rounds = Number(process.env["TROUPE_KILLS"] ?? 2);
  await using server = await testServer();
  const place = { url: server.url, namespace: "troupe" };
  const accepted: string[] = [];
  for (let round = 0; round < rounds; round++) {
    const all = await Promise.all([
      startSubmitter(t, place, { lanes: 30, ms: 20 }),
      startSubmitter(t, place, { lanes: 30, ms: 20 }),
      startHand(t, { ...place, concurrency: 32 }),
      startHand(t, { ...place, concurrency: 32 }),
    ]);
    const [one, two] = all;
    await eventually(() => one.said.length > 300 && two.said.length > 300);
    await Promise.all([server.kill(), ...all.map((each) => each.kill())]);
    accepted.push(...[...one.said, ...two.said].map((said) => said.accepted));
    await server.restart();
  }
  await using bus = await connect({ url: server.url });
  const waiting = (await bus.tasks({ limit: 1_000 })).filter(
    ({ state }) => state === "submitted" || state === "working",
  ).length;
  await Promise.all([
    startHand(t, { ...place, concurrency: 256 }),
    startHand(t, { ...place, concurrency: 256 }),
  ]);
  await Promise.all(
    accepted.map((id) => bus.task(id).result({ timeout: "50s" })),
  );
  const { ends } = await audit({ ...place, accepted });
  const again = await bus.call(hand.skills.work, { note: "again" });
  assert.equal((again as { note: string }).note, "again");
  t.diagnostic(
    `${rounds} rounds, ${accepted.length} accepted, ${waiting} or more waited after the last, ${ends.size} ended`,
  );
});

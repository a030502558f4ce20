import assert from "node:assert/strict";
import { after, test } from "node:test";
import { connect } from "../../../index.js";
import { deskBus, ref, say } from "../../support/desk-bus.js";
import { quiet } from "../../support/doer.js";
import { eventually } from "../../support/eventually.js";
import { testServer } from "../../support/server.js";

const at = deskBus();

const yes = { approved: true };
const refused = (message: RegExp) => ({ code: "ARGUMENT_INVALID", message });

test("an answer to what the plan does not ask is refused, with what it asks", async () => {
  const { plans } = at.bus;
  const plan = {
    steps: [
      say("said", {}),
      { name: "consent", approve: "Publish?" },
      {
        name: "each",
        map: [1, 2],
        do: [{ name: "ok", approve: { template: "Item ${item}?" } }],
      },
      { name: "paid", wait: { signal: "paid" } },
    ],
  };
  const { id } = await plans.run(plan);
  const answer = (step: string) => plans.answer(id, step, yes);
  await eventually(async () => (await plans.questions(id)).length === 1);
  await assert.rejects(
    answer("consnet"),
    refused(/asks nothing named "consnet": did you mean "consent"\?/),
  );
  await assert.rejects(answer("said"), refused(/: it waits for "consent"$/));
  await assert.rejects(answer("ok"), refused(/: it asks "ok\[0\]" and so on/));
  for (const round of ["ok[01]", "ok[00]"])
    await assert.rejects(
      answer(round),
      refused(/: it asks "ok\[0\]" and so on/),
    );
  await assert.rejects(answer("consent[0]"), refused(/: it asks "consent"$/));
  await assert.rejects(
    answer("paid"),
    refused(/that is a signal .*bus\.signal/),
  );
  await answer("ok[1]");
  await answer("consent");
  await eventually(async () => (await plans.questions(id)).length === 1);
  const [open] = await plans.questions(id);
  assert.equal(open?.step, "ok[0]");
  assert.equal(open.question, "Item 1?");
  await answer("ok[0]");
  await at.bus.signal(id, "paid", 5);
  assert.equal(await at.bus.task(id).result(), 5);
  await assert.rejects(answer("consent"), {
    code: "TASK_ENDED",
    message:
      /^plan ".*" has ended \(completed\), and asks nothing any more; "consent" had been answered: yes$/,
  });
  assert.deepEqual(await plans.questions(id), []);
});

test("of a question the first answer counts, and who comes later is told", async () => {
  const { plans } = at.bus;
  const plan = {
    steps: [
      { name: "ok", approve: "?", show: ref("input"), timeout: "1h" },
      { name: "late", approve: "?", timeout: 1, otherwise: "continue" },
      { name: "hold", wait: { signal: "go" } },
    ],
  };
  const { id } = await plans.run(plan, { input: { n: 1 } });
  await eventually(
    async () => (await plans.questions(id))[0]?.until !== undefined,
  );
  const [open] = await plans.questions(id);
  assert.deepEqual(open?.show, { n: 1 });
  const said = { approved: true, by: "ann" };
  assert.equal(await plans.answer(id, "ok", said, { id: "a" }), true);
  assert.equal(await plans.answer(id, "ok", said, { id: "a" }), false);
  await assert.rejects(
    plans.answer(id, "ok", { approved: false }),
    refused(/"ok" of plan .* has been answered: yes, by "ann"; the first/),
  );
  const isLate = refused(/waits for "late" no more: nobody answered in time/);
  await eventually(async () =>
    (await at.bus.journal(id)).entries.some(
      (entry) => entry.kind === "begun" && entry.name === "go",
    ),
  );
  await assert.rejects(plans.answer(id, "late", yes), isLate);
  await at.bus.task(id).cancel();
});

test("what has been answered is no open question, though no orchestrator has taken it up", async (t) => {
  const server = await testServer();
  t.after(() => server.stop());
  const bus = await connect({ url: server.url });
  t.after(() => bus.close());
  const orchestrator = await bus.orchestrate(quiet);
  const { id } = await bus.plans.run({ steps: [{ name: "ok", approve: "?" }] });
  await eventually(async () => (await bus.find(id))?.waitsFor !== undefined);
  await orchestrator.drain();
  await bus.signal(id, "ok", "what is no answer leaves it open");
  assert.equal((await bus.plans.questions(id)).length, 1);
  await bus.plans.answer(id, "ok", yes);
  assert.deepEqual(await bus.plans.questions(id), []);
  await assert.rejects(
    bus.plans.answer(id, "ok", yes),
    refused(/has been answered: yes; the first/),
  );
});

test("what is no answer, no plan or no task is refused as what it is", async () => {
  const { plans } = at.bus;
  const { id } = await at.bus.submit("desk.say", {});
  await assert.rejects(
    plans.answer(id, "ok", yes),
    refused(/is no plan, but one of desk\.say: send it a signal/),
  );
  await assert.rejects(plans.answer("nowhere", "ok", yes), {
    code: "TASK_UNKNOWN",
  });
  const perhaps = { approved: "perhaps" } as unknown as typeof yes;
  await assert.rejects(plans.answer(id, "ok", perhaps), {
    code: "INPUT_INVALID",
    message: /the answer to "ok".*approved/s,
  });
});

test("a plan that is kept by name is known by its name, and by its journal when it is deleted", async () => {
  const { plans } = at.bus;
  await plans.put("asking", { steps: [{ name: "ok", approve: "?" }] });
  const { id } = await plans.run("asking");
  const no = refused(/asks nothing named "other": it (asks|waits for) "ok"$/);
  await assert.rejects(plans.answer(id, "other", yes), no);
  await eventually(async () => (await plans.questions(id)).length === 1);
  await plans.delete("asking");
  await assert.rejects(plans.answer(id, "other", yes), no);
  await plans.answer(id, "ok", yes);
  assert.deepEqual(await at.bus.task(id).result(), yes);
});

test("of those who answer at the same moment one is told that it counts, and the others what does", async () => {
  const { plans } = at.bus;
  const names = Array.from({ length: 8 }, (_, place) => `ok${place}`);
  const ask = names.map((name) => ({ name, approve: "?" }));
  const { id } = await plans.run({ steps: [{ name: "all", parallel: ask }] });
  const other = await connect({ url: at.server.url });
  after(() => other.close());
  for (const step of names) {
    const said = await Promise.allSettled([
      plans.answer(id, step, { approved: true, by: "ann" }),
      other.plans.answer(id, step, { approved: true, by: "bob" }),
      plans.answer(id, step, { approved: true, by: "cleo" }, { id: "c" }),
    ]);
    const counted = said.filter(({ status }) => status === "fulfilled");
    assert.equal(counted.length, 1, step);
    const by = ["ann", "bob", "cleo"][said.indexOf(counted[0]!)]!;
    for (const each of said)
      if (each.status === "rejected")
        assert.match(
          (each.reason as Error).message,
          new RegExp(`"${step}".* ha[sd] been answered: yes, by "${by}"`),
        );
  }
  const results = Object.values((await at.bus.task(id).result()) as object);
  assert.ok(results.every(({ approved }: typeof yes) => approved));
});

test("an answer that is sent twice at once with one id counts once", async () => {
  const { plans } = at.bus;
  const { id } = await plans.run({ steps: [{ name: "ok", approve: "?" }] });
  const send = () => plans.answer(id, "ok", yes, { id: "one" });
  const told = await Promise.all([send(), send(), send()]);
  assert.deepEqual(
    told.sort((a, b) => Number(a) - Number(b)),
    [false, false, true],
  );
  await at.bus.task(id).result();
  assert.equal(await send(), false);
});

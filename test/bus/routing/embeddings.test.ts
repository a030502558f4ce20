import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { agent, embeddingScorer, skill } from "../../../index.js";
import { eventually } from "../../support/eventually.js";
import { sharedServer } from "../../support/shared-server.js";

const shared = sharedServer();
const quiet = { signals: false } as const;
const does = (description: string, examples: string[] = []) =>
  skill({ description, examples, input: z.any(), run: () => description });
const helper = agent("helper", {
  skills: {
    heat: does("Sets the heating", ["turn up the thermostat"]),
    parcel: does("Tells where a parcel is", ["where is my order"]),
  },
});

/** A toy: it knows three matters, each with a few words that no card has. */
const matters = [
  /cold|freez|shiver|heat|thermostat/i,
  /parcel|order|courier|doorstep/i,
  /song|music/i,
];
const toy = (text: string) =>
  matters.map((matter) => (matter.test(text) ? 1 : 0));

test("embeddings find what has no word in common with the card", async (t) => {
  const batches: number[] = [];
  const embed = async (texts: string[]) => {
    batches.push(texts.length);
    return Promise.resolve(texts.map(toy));
  };
  const bus = await shared.connect(t);
  await bus.serve(helper, quiet);
  const caller = await shared.connect(t, {
    scorer: embeddingScorer({ embed }),
  });
  await eventually(async () => (await caller.discover())[0]?.instances.length);
  assert.equal(
    await caller.call({ text: "I am shivering" }, 1),
    "Sets the heating",
  );
  assert.equal(
    await caller.call({ text: "did the courier come?" }, 1),
    "Tells where a parcel is",
  );
  assert.deepEqual(batches, [5, 1], "cards are embedded once");
  await assert.rejects(caller.call({ text: "play some music" }, 1), {
    code: "NO_CANDIDATE",
  });

  const radio = agent("radio", { skills: { play: does("Plays music") } });
  await bus.serve(radio, quiet);
  const wait = "20s";
  assert.equal(await caller.call({ text: "a song", wait }, 1), "Plays music");
});

test("a model that fails, or answers what is no answer, is told of", async (t) => {
  const bus = await shared.connect(t);
  await bus.serve(helper, quiet);
  const broken = [
    () => Promise.reject(new Error("no model here")),
    () => Promise.resolve([[1, 2]]),
    (texts: string[]) =>
      Promise.resolve(texts.map((_, at) => Array(at).fill(1))),
  ];
  for (const embed of broken) {
    const scorer = embeddingScorer({ embed });
    const caller = await shared.connect(t, { scorer });
    await assert.rejects(caller.call({ text: "cold" }, 1), {
      code: "BUS_FAILED",
      message:
        /plain words could not be embedded: (no model here|embed\(\) was given)/,
    });
  }
});

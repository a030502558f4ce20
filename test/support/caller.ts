// A stateful agent that calls whoever prints, and agents that do.
import { assign, setup } from "xstate";
import { z } from "zod";
import { agent, callSkill, skill } from "../../index.js";

export const printer = (name: string, version: string, holds = false) =>
  agent(name, {
    version,
    skills: {
      print: skill({
        description: "Prints",
        input: z.object({ text: z.string() }),
        output: z.string(),
        async run({ text }, { signal }) {
          if (holds)
            await new Promise((_, reject) =>
              signal.addEventListener("abort", () =>
                reject(signal.reason as Error),
              ),
            );
          return `${name} ${text}`;
        },
      }),
    },
  });

const machineThatCalls = (target: string) =>
  setup({
    types: {
      context: {} as { printed: string },
      events: {} as { type: "PRINT"; text: string } | { type: "STOP" },
    },
    actors: { print: callSkill(target) },
  }).createMachine({
    context: { printed: "" },
    initial: "idle",
    states: {
      idle: { on: { PRINT: "printing" } },
      printing: {
        on: { STOP: "idle" },
        invoke: {
          src: "print",
          input: ({ event }: { event: { type: string; text?: string } }) => ({
            text: event.text,
          }),
          onDone: {
            target: "idle",
            actions: assign({ printed: ({ event }) => event.output as string }),
          },
          onError: {
            target: "idle",
            actions: assign({
              printed: ({ event }) => (event.error as { code: string }).code,
            }),
          },
        },
      },
    },
  });

export const callerOf = (target: string) =>
  agent("caller", {
    machine: machineThatCalls(target),
    events: { PRINT: z.object({ text: z.string() }) },
  });

export const caller = callerOf("print@^2");

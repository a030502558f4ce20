// What a parent says to its children, and they to it: one question at a time over the IPC channel.

/** By question: what is asked, and what is answered. */
export type Questions<Of> = {
  [Each in keyof Of]: { asked: unknown; answered: unknown };
};

export type Answers<Of extends Questions<Of>> = {
  [Each in keyof Of]?: (
    asked: Of[Each]["asked"],
  ) => Promise<Of[Each]["answered"]> | Of[Each]["answered"];
};

export interface ToChild {
  question: string;
  asked: unknown;
}

export type FromChild =
  | { kind: "ready" }
  | { kind: "answer"; answered: unknown }
  | { kind: "failed"; reason: string };

// Who takes part in the benchmark of durable workflows. The durability is named beside every figure.
import { isPeer, peersAbsence } from "../peers.js";
import { postgresAbsence } from "../servers/postgres.js";

export interface Participant {
  name: string;
  title: string;
  server: "nats" | "restate" | "postgres";
  /** `process`: the operating system may write later; `disk`: fsynced before it is acknowledged. */
  durability: "process" | "disk";
  /** By which setting it is so. */
  setting: string;
  /** Beside this file once compiled, or an `.mjs` file in bench/peers. */
  module: string;
  /** It can neither sleep nor replay. */
  onlyRates?: boolean;
}

const troupe = {
  title: "Troupe",
  server: "nats",
  module: "./troupe.js",
} as const;

const raw = {
  title: "raw NATS client",
  server: "nats",
  module: "./raw.js",
  onlyRates: true,
} as const;

const restate = {
  title: "Restate",
  server: "restate",
  module: "../../../bench/peers/restate.mjs",
} as const;

const dbos = {
  title: "DBOS on PostgreSQL",
  server: "postgres",
  module: "../../../bench/peers/dbos.mjs",
} as const;

export const participants: readonly Participant[] = [
  {
    ...troupe,
    name: "troupe",
    durability: "process",
    setting: "file storage",
  },
  { ...raw, name: "raw", durability: "process", setting: "file storage" },
  {
    ...restate,
    name: "restate",
    durability: "process",
    setting: "no fsync of its log",
  },
  {
    ...dbos,
    name: "dbos",
    durability: "process",
    setting: "synchronous_commit=off",
  },
  {
    ...troupe,
    name: "troupe-disk",
    durability: "disk",
    setting: "sync_interval: always",
  },
  {
    ...restate,
    name: "restate-disk",
    durability: "disk",
    setting: "its default",
  },
  {
    ...dbos,
    name: "dbos-disk",
    durability: "disk",
    setting: "synchronous_commit=on",
  },
];

/** Why it cannot take part, or undefined when it can. */
export function participantAbsence(
  participant: Participant,
): string | undefined {
  const missing =
    participant.server === "postgres" ? postgresAbsence() : undefined;
  return missing ?? (isPeer(participant) ? peersAbsence() : undefined);
}

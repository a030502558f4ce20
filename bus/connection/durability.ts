// What must survive, asked for at connect and checked against the server: better refused than believed.
import { TroupeError } from "../../protocol/errors.js";
import type { Link } from "./connection.js";
import type { StreamLimits } from "../streams/streams.js";

/**
 * `process`: the death of any process. `disk`: a power cut, every message is synced before it is
 * acknowledged. `quorum`: the loss of a server, three copies of every stream.
 */
export type Durability = "process" | "disk" | "quorum";

const replicasForQuorum = 3;

/** The limits with what the level needs. Throws DURABILITY_REFUSED. */
export function checkDurability(
  link: Link,
  level: Durability,
  limits: StreamLimits,
  embedded: boolean,
): StreamLimits {
  if (level === "process") return limits;
  if (level === "quorum") return checkQuorum(link, limits, embedded);
  if (embedded) return limits; // it was started so, or refused to be joined
  throw new TroupeError(
    "DURABILITY_REFUSED",
    `durability "disk" cannot be confirmed: nats-server at ${link.url} does not tell its clients whether its sync_interval is "always". Set it in nats.conf and ask for "process", or use the embedded server`,
  );
}

function checkQuorum(
  link: Link,
  limits: StreamLimits,
  embedded: boolean,
): StreamLimits {
  const replicas = limits.replicas ?? replicasForQuorum;
  const cluster = link.nats.info?.cluster;
  if (replicas >= replicasForQuorum && !embedded && cluster !== undefined)
    return { ...limits, replicas };
  throw new TroupeError(
    "DURABILITY_REFUSED",
    `durability "quorum" needs a cluster and ${replicasForQuorum} copies of each stream; ${link.url} is ${cluster === undefined ? "a single server" : `asked for ${replicas}`}: connect to a cluster of three or more, or ask for a lower level`,
  );
}

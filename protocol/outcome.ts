// How a task ended, as its end says on the wire.
import { decodeBody } from "./codec.js";
import { TroupeError } from "./errors.js";
import { outputOf } from "./mcp.js";
import { fromRpcError, rpcError } from "./rpc.js";
import type { EndState } from "./task.js";

/** How a task ended, as its submitter wants to know it. */
export type Outcome =
  | { state: "completed"; output: unknown }
  | { state: EndState; error: TroupeError };

/**
 * Of a terminal event's body alone: its headers say nothing about the outcome that the body does not.
 * Throws MESSAGE_UNREADABLE for what is no JSON-RPC response.
 */
export function parseOutcome(body: Uint8Array): Outcome {
  return toOutcome(decodeBody(body));
}

/** The same of a body that is decoded. */
export function toOutcome(message: unknown): Outcome {
  const { result, error } = (message ?? {}) as {
    result?: unknown;
    error?: unknown;
  };
  if (typeof result === "object" && result !== null)
    return { state: "completed", output: outputOf(result) };
  const parsed = rpcError.safeParse(error);
  if (!parsed.success)
    throw new TroupeError(
      "MESSAGE_UNREADABLE",
      "a terminal event is no JSON-RPC response",
    );
  const ended = fromRpcError(parsed.data);
  return { state: endStateOf(ended), error: ended };
}

/** How a task ends that ends with this error. */
export function endStateOf({ code }: Pick<TroupeError, "code">): EndState {
  if (code === "TASK_CANCELED") return "canceled";
  return code === "TASK_REJECTED" ? "rejected" : "failed";
}

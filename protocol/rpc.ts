// The body of every message: a JSON-RPC 2.0 object whose method is MCP's or A2A's.
import { z } from "zod";
import { copyOf } from "./codec.js";
import { errorTable, messageOf, toErrorCode, TroupeError } from "./errors.js";

const id = z.union([z.string(), z.number()]);

export const rpcRequest = z.object({
  jsonrpc: z.literal("2.0"),
  id: id.optional(),
  method: z.string(),
  params: z.record(z.string(), z.unknown()).optional(),
});

export const rpcError = z.object({
  code: z.number(),
  message: z.string(),
  data: z.unknown().optional(),
});

type RpcError = z.infer<typeof rpcError>;

export function toNotification(
  method: string,
  params: Record<string, unknown>,
) {
  return { jsonrpc: "2.0" as const, method, params };
}

/** What an error says is cut to fit: one too large for a message could not end its task. */
const maxTextLength = 8_192;

/**
 * What travels of an error: its code, message and data, and the message of its cause; never a stack. It is the same in
 * either format, and the same to whoever made it as to who reads it.
 */
export function toRpcError(
  error: TroupeError,
  more: Record<string, unknown> = {},
): RpcError {
  const cause =
    error.cause === undefined ? {} : { cause: cut(messageOf(error.cause)) };
  const plain = plainOf(error.data);
  const details = plain === undefined ? {} : { details: plain };
  return {
    code: errorTable[error.code].rpc,
    message: cut(error.message),
    data: {
      code: error.code,
      retryable: error.retryable,
      ...details,
      ...cause,
      ...more,
    },
  };
}

function cut(text: string): string {
  if (text.length <= maxTextLength) return text.toWellFormed();
  const start = text.slice(0, maxTextLength).toWellFormed();
  return `${start}… (cut: ${text.length} characters)`;
}

/** Facts as JSON says them. What it has no word for is left out; too many, or a circle, do not travel. */
function plainOf(data: TroupeError["data"]): TroupeError["data"] {
  if (data === undefined) return undefined;
  try {
    const json = JSON.stringify(data, (_, value: unknown) =>
      typeof value === "bigint" ? String(value) : value,
    );
    if (json.length > 4 * maxTextLength) return undefined;
    return facts.parse(copyOf(JSON.parse(json) as unknown));
  } catch {
    return undefined;
  }
}

const facts = z.record(z.string(), z.unknown());

const errorData = z
  .object({
    code: z.string().optional(),
    retryable: z.boolean().optional(),
    details: facts.optional(),
    cause: z.string().optional(),
  })
  .optional()
  .catch(undefined);

export function fromRpcError(error: RpcError): TroupeError {
  const data = errorData.parse(error.data);
  return new TroupeError(toErrorCode(data?.code), error.message, {
    ...(data?.cause === undefined ? {} : { cause: new Error(data.cause) }),
    ...(data?.details === undefined ? {} : { data: data.details }),
    ...(data?.retryable === undefined ? {} : { retryable: data.retryable }),
  });
}

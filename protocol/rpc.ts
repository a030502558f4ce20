// The body of every message: a JSON-RPC 2.0 object whose method is MCP's or A2A's.
import { z } from "zod";
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

/** What travels of an error: its code, message and data, and the message of its cause; never a stack. */
export function toRpcError(
  error: TroupeError,
  more: Record<string, unknown> = {},
): RpcError {
  const cause =
    error.cause === undefined ? {} : { cause: cut(messageOf(error.cause)) };
  const details = fits(error.data) ? { details: error.data } : {};
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
  if (text.length <= maxTextLength) return text;
  return `${text.slice(0, maxTextLength)}… (cut: ${text.length} characters)`;
}

/** Facts that are too many, or that cannot be encoded, do not travel. */
function fits(data: TroupeError["data"]): boolean {
  if (data === undefined) return false;
  try {
    return JSON.stringify(data).length <= 4 * maxTextLength;
  } catch {
    return false;
  }
}

const errorData = z
  .object({
    code: z.string().optional(),
    retryable: z.boolean().optional(),
    details: z.record(z.string(), z.unknown()).optional(),
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

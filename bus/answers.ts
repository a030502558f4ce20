// Request-reply that is not stored, answerer's side: any instance of an agent takes a request, as the queue
// group decides.
import type { Msg } from "@nats-io/transport-node";
import { decodeBody, encodeBody } from "../protocol/codec.js";
import { TroupeError } from "../protocol/errors.js";
import type { ContentType, Headers } from "../protocol/headers.js";
import { callToolParams, toCallToolResult } from "../protocol/mcp.js";
import { toRpcError } from "../protocol/rpc.js";
import { decodeToken, encodeToken } from "../protocol/subjects.js";
import { contentTypeOf } from "../protocol/task-message.js";
import type { Link } from "./connection.js";
import { headersOf } from "./delivery/delivery.js";

export interface Request {
  id: string;
  skill: string;
  input: unknown;
  headers: Headers;
}

/** The output, or the TroupeError to answer with, at once or as a promise. */
export type Answerer = (request: Request) => unknown;

export interface Answering {
  /** Takes no more; those in hand are answered before this resolves. */
  stop(): Promise<void>;
}

export function startAnswering(
  link: Link,
  agent: string,
  answerer: Answerer,
): Answering {
  const inHand = new Set<Promise<void>>();
  const subscription = link.listen(
    link.subjects.asksOf(agent),
    (msg) => {
      const answering = answer(link, msg, answerer).finally(() =>
        inHand.delete(answering),
      );
      inHand.add(answering);
    },
    { queue: encodeToken(agent) },
  );
  return {
    async stop() {
      await link.unsubscribe(subscription);
      await Promise.all(inHand);
    },
  };
}

async function answer(link: Link, msg: Msg, answerer: Answerer): Promise<void> {
  if (!msg.reply) return; // nobody waits for it
  const headers = headersOf(msg);
  let id: unknown = null;
  let contentType: ContentType = "msgpack";
  let response: object;
  try {
    contentType = contentTypeOf(headers, msg.data);
    const body = decodeBody(msg.data, headers.contentType) as {
      id?: unknown;
      params?: unknown;
    } | null;
    id = body?.id ?? null;
    const params = callToolParams.safeParse(body?.params);
    if (!params.success)
      throw new TroupeError(
        "MESSAGE_UNREADABLE",
        `the request on "${msg.subject}" is no JSON-RPC request of tools/call`,
      );
    const skill = decodeToken(
      msg.subject.slice(msg.subject.lastIndexOf(".") + 1),
    );
    const given = answerer({
      id: String(id),
      skill,
      input: params.data.arguments,
      headers,
    });
    const output: unknown = given instanceof Promise ? await given : given;
    if (output instanceof TroupeError) throw output;
    response = { jsonrpc: "2.0", id, result: toCallToolResult(output) };
  } catch (error) {
    response = { jsonrpc: "2.0", id, error: toRpcError(error as TroupeError) };
  }
  respond(link, msg.reply, id, response, contentType);
}

function respond(
  link: Link,
  reply: string,
  id: unknown,
  response: object,
  contentType: ContentType,
): void {
  if (link.closed) return;
  const body = encodeOr(response, contentType, id);
  if (body.length <= link.maxPayload) return link.nats.publish(reply, body);
  const error = new TroupeError(
    "PAYLOAD_TOO_LARGE",
    `the answer has ${body.length} bytes and the server takes ${link.maxPayload}: return less`,
  );
  link.nats.publish(
    reply,
    encodeBody({ jsonrpc: "2.0", id, error: toRpcError(error) }, contentType),
  );
}

/** A result may hold what neither format can carry. */
function encodeOr(
  response: object,
  contentType: ContentType,
  id: unknown,
): Uint8Array {
  try {
    return encodeBody(response, contentType);
  } catch (cause) {
    const error = new TroupeError(
      "OUTPUT_INVALID",
      `the answer cannot be encoded as ${contentType}: ${(cause as Error).message}`,
    );
    return encodeBody(
      { jsonrpc: "2.0", id, error: toRpcError(error) },
      contentType,
    );
  }
}

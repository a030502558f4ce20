// Request-reply that is not stored, answerer's side: any instance of an agent and lane takes a request, as the
// queue group decides.
import type { Msg } from "@nats-io/transport-node";
import { decodeBody, encodeBody } from "../../protocol/codec.js";
import { messageOf, TroupeError } from "../../protocol/errors.js";
import type { ContentType, Headers } from "../../protocol/headers.js";
import { toCallToolResult, type CallToolParams } from "../../protocol/mcp.js";
import { toRpcError } from "../../protocol/rpc.js";
import { decodeToken, encodeToken, tokenAt } from "../../protocol/tokens.js";
import { contentTypeOf } from "../../protocol/task-message.js";
import type { Link } from "../connection/connection.js";
import { headersOf } from "../delivery/delivery.js";

export interface Request {
  id: string;
  skill: string;
  input: unknown;
  headers: Headers;
}

/** The output, or the TroupeError to answer with, at once or as a promise. */
type Answerer = (request: Request) => unknown;

export interface Answering {
  /** Takes no more; those in hand are answered before this resolves. */
  stop(): Promise<void>;
}

/** Takes what is asked of this agent in this lane, as one of those that do. */
export function startAnswering(
  link: Link,
  { agent, lane }: { agent: string; lane: string },
  answerer: Answerer,
): Answering {
  const inHand = new Set<Promise<void>>();
  const subscription = link.listen(
    link.subjects.asksOf(agent, lane),
    (msg) => {
      if (!msg.reply) return; // nobody waits for it
      const answering = answer(link, msg, answerer);
      if (!answering) return;
      inHand.add(answering);
      void answering.finally(() => inHand.delete(answering));
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

/** A promise only where the answerer makes one. */
function answer(
  link: Link,
  msg: Msg,
  answerer: Answerer,
): Promise<void> | undefined {
  const headers = headersOf(msg);
  let call: Call | undefined;
  let given: unknown;
  try {
    call = parseCall(msg, headers);
    given = answerer({
      id: String(call.id),
      skill: call.skill,
      input: call.input,
      headers,
    });
  } catch (error) {
    given = error;
  }
  const answered = (output: unknown): void => respond(link, msg, call, output);
  if (given instanceof Promise) return given.then(answered, answered);
  answered(given);
  return undefined;
}

interface Call {
  id: unknown;
  skill: string;
  input: unknown;
  contentType: ContentType;
}

/** Throws MESSAGE_UNREADABLE. */
function parseCall(msg: Msg, headers: Headers): Call {
  const body = decodeBody(msg.data, headers.contentType) as {
    id?: unknown;
    params?: unknown;
  } | null;
  const { id = null, params } = body ?? {};
  if (
    typeof params !== "object" ||
    params === null ||
    typeof (params as { name?: unknown }).name !== "string"
  ) {
    throw new TroupeError(
      "MESSAGE_UNREADABLE",
      `the request on "${msg.subject}" is no JSON-RPC request of tools/call`,
    );
  }
  const skill = decodeToken(tokenAt(msg.subject, 3));
  const { arguments: input } = params as CallToolParams;
  return { id, skill, input, contentType: contentTypeOf(headers, msg.data) };
}

/** `output` is the answer, or the TroupeError to answer with. */
function respond(
  link: Link,
  msg: Msg,
  call: Call | undefined,
  output: unknown,
): void {
  if (link.closed) return;
  const { id = null, contentType = "msgpack" } = call ?? {};
  const failure = (error: TroupeError): Uint8Array =>
    encodeBody({ jsonrpc: "2.0", id, error: toRpcError(error) }, contentType);
  link.nats.publish(
    msg.reply!,
    output instanceof TroupeError
      ? failure(output)
      : encodeAnswer(link, id, output, contentType, failure),
  );
}

/** A result may be too large, or hold what neither format can carry. */
function encodeAnswer(
  link: Link,
  id: unknown,
  output: unknown,
  contentType: ContentType,
  failure: (error: TroupeError) => Uint8Array,
): Uint8Array {
  let body: Uint8Array;
  try {
    body = encodeBody(
      { jsonrpc: "2.0", id, result: toCallToolResult(output) },
      contentType,
    );
  } catch (cause) {
    return failure(
      new TroupeError(
        "OUTPUT_INVALID",
        `the answer cannot be encoded as ${contentType}: ${messageOf(cause)}`,
        { cause },
      ),
    );
  }
  if (body.length <= link.maxPayload) return body;
  return failure(
    new TroupeError(
      "PAYLOAD_TOO_LARGE",
      `the answer has ${body.length} bytes and the server takes ${link.maxPayload}: return less`,
    ),
  );
}

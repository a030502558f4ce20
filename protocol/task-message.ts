// A task as one message: what a submitter writes and a worker reads. A bare client may leave out every
// header: the subject says which task it is and where it belongs.
import { z } from "zod";
import { sendMessageParams } from "./a2a.js";
import { decodeBody, encodeBody } from "./codec.js";
import { TroupeError } from "./errors.js";
import {
  contentTypeHeader,
  type ContentType,
  type Headers,
} from "./headers.js";
import { defaultLevel, type Level } from "./levels.js";
import { callToolParams, type CallToolParams } from "./mcp.js";
import { rpcRequest } from "./rpc.js";
import {
  parseKeyedSubject,
  parseTaskSubject,
  type TaskAddress,
} from "./addresses.js";
import { noOrigin, type TaskName } from "./subjects.js";
import { decodeToken, encodeToken, tokenAt } from "./tokens.js";

export interface TaskSpec {
  taskId: string;
  /** The id is the caller's, so that another task may have it: the server and the worker are to look. */
  idGiven?: boolean;
  agent: string;
  skill: string;
  lane: string;
  level: Level;
  input: unknown;
  origin: string;
  contentType: ContentType;
  context?: string | undefined;
  key?: string | undefined;
  /** Why it goes there, as its header says it. */
  route?: string | undefined;
  fallbackOf?: string | undefined;
  /** The task that calls it, as its header says it. */
  parent?: string | undefined;
  /** How many plans it is within. */
  depth?: number | undefined;
  /** The task whose journal it begins with, as its header says it. */
  forkOf?: string | undefined;
  /** On the server's clock, in milliseconds. */
  deadlineAt?: number | undefined;
}

export function taskHeaders(spec: TaskSpec): Headers {
  return {
    messageId: spec.idGiven === true ? spec.taskId : undefined,
    maybeKnown: spec.idGiven === true ? "1" : undefined,
    // What a reader takes a message without a header for is not said.
    contentType: contentTypeHeader(spec.contentType),
    origin: spec.origin,
    context: spec.context,
    key: spec.key,
    route: spec.route,
    fallbackOf: spec.fallbackOf,
    parent: spec.parent,
    depth: spec.depth === undefined ? undefined : String(spec.depth),
    forkOf: spec.forkOf,
    deadline:
      spec.deadlineAt === undefined
        ? undefined
        : String(Math.round(spec.deadlineAt)),
  };
}

export function taskBody(spec: TaskSpec): Uint8Array {
  const params = { name: spec.skill, arguments: spec.input };
  return encodeBody(
    { jsonrpc: "2.0", id: spec.taskId, method: "tools/call", params },
    spec.contentType,
  );
}

/** A task as a worker sees it, before its input has met the skill's schema. */
export interface ParsedTask {
  skill: string;
  /** As they came, for the terminal event to carry. */
  params: unknown;
  input: unknown;
}

/** The part of a task that its subject tells; enough to end it, even when its body cannot be read. */
export function addressOf(subject: string): TaskAddress {
  if (tokenAt(subject, 1) === "task") return parseTaskSubject(subject);
  const { agent, lane, taskId } = parseKeyedSubject(subject);
  return { agent, lane, taskId, skill: "", level: defaultLevel };
}

/** Whether its id was given to it; one of our own making is nobody else's. */
export function isNamed({ messageId, origin }: Headers): boolean {
  return messageId !== undefined || origin === undefined;
}

export function originOf(headers: Headers): string {
  return headers.origin !== undefined && /^[\w-]+$/.test(headers.origin)
    ? headers.origin
    : noOrigin;
}

/** How a task names the one that called it. */
export function parentHeader({ agent, taskId }: TaskName): string {
  return `${encodeToken(agent)}.${encodeToken(taskId)}`;
}

/** How a fork names the task that it begins as, and where that ends. */
export function forkHeader(of: TaskName, place: number): string {
  return `${parentHeader(of)}.${place}`;
}

/** The task that called this one, and may sleep until it ends. */
export function parentOf({ parent }: Headers): TaskName | undefined {
  if (parent === undefined) return undefined;
  const [agent, taskId, ...rest] = parent.split(".");
  if (!agent || !taskId || rest.length > 0) return undefined;
  return { agent: decodeToken(agent), taskId: decodeToken(taskId) };
}

/** How many plans a task is within. */
export function depthOf({ depth }: Headers): number {
  return depth !== undefined && /^\d{1,6}$/.test(depth) ? Number(depth) : 0;
}

export function contentTypeOf(headers: Headers, body: Uint8Array): ContentType {
  if (headers.contentType !== undefined)
    return headers.contentType.includes("json") ? "json" : "msgpack";
  return body[0] === 0x7b ? "json" : "msgpack";
}

const sendMessage = rpcRequest.extend({
  method: z.literal("SendMessage"),
  params: sendMessageParams,
});
const callTool = rpcRequest.extend({
  method: z.literal("tools/call"),
  params: callToolParams,
});
const taskRequest = z.discriminatedUnion("method", [callTool, sendMessage]);

/** What nearly every task is, told without building the schema's copy of it. */
function isToolCall(message: unknown): message is { params: CallToolParams } {
  const { jsonrpc, method, params } = (message ?? {}) as {
    jsonrpc?: unknown;
    method?: unknown;
    params?: { name?: unknown; _meta?: unknown } | null;
  };
  return (
    jsonrpc === "2.0" &&
    method === "tools/call" &&
    typeof params?.name === "string" &&
    params._meta === undefined
  );
}

function fromToolCall(
  { skill }: TaskAddress,
  params: CallToolParams,
): ParsedTask {
  return { skill: skill || params.name, params, input: params.arguments };
}

/** Throws MESSAGE_UNREADABLE for bytes or bodies that are no task (R7). */
export function parseTaskBody(
  address: TaskAddress,
  headers: Headers,
  body: Uint8Array,
): ParsedTask {
  const message = decodeBody(body, headers.contentType);
  if (isToolCall(message)) return fromToolCall(address, message.params);
  const parsed = taskRequest.safeParse(message);
  if (!parsed.success) {
    throw new TroupeError(
      "MESSAGE_UNREADABLE",
      `the body of task "${address.taskId}" is no JSON-RPC request of tools/call or SendMessage: ${z.prettifyError(parsed.error).replaceAll("\n", " ")}`,
    );
  }
  const { method, params } = parsed.data;
  if (method === "tools/call") return fromToolCall(address, params);
  const skill = address.skill || skillOf(params.metadata);
  return { skill, params, input: params.message };
}

/** As far as it can be told: who has a task and is not its worker takes one that cannot be read, too (R7). */
interface Requested {
  /** As they came. */
  params: unknown;
  /** Which the body names; "" where it names none. */
  skill: string;
  input: unknown;
}

/** Never throws. */
export function requestIn(headers: Headers, body: Uint8Array): Requested {
  const params = paramsIn(headers, body);
  const {
    name,
    arguments: input,
    message,
    metadata,
  } = Object(params) as {
    name?: unknown;
    arguments?: unknown;
    message?: unknown;
    metadata?: Record<string, unknown>;
  };
  const skill = typeof name === "string" ? name : skillOf(metadata);
  return { params, skill, input: input ?? message };
}

function paramsIn(headers: Headers, body: Uint8Array): unknown {
  try {
    const message = decodeBody(body, headers.contentType);
    return (message as { params?: unknown } | null)?.params;
  } catch {
    return undefined;
  }
}

/** A2A has no word for the skill; a keyed message, whose subject does not tell it either, says it in its metadata. */
function skillOf(metadata: Record<string, unknown> | undefined): string {
  const skill = metadata?.["skill"];
  return typeof skill === "string" ? skill : "";
}

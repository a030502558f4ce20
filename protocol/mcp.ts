// The messages of MCP that travel on the bus. A typed skill is an MCP tool: it is called by `tools/call`.
import { z } from "zod";

export const callToolParams = z.object({
  name: z.string(),
  arguments: z.unknown().optional(),
  _meta: z.record(z.string(), z.unknown()).optional(),
});

export const callToolResult = z.object({
  content: z.array(z.record(z.string(), z.unknown())).default([]),
  structuredContent: z.record(z.string(), z.unknown()).optional(),
  isError: z.boolean().optional(),
  _meta: z.record(z.string(), z.unknown()).optional(),
});

export const progressParams = z.object({
  progressToken: z.union([z.string(), z.number()]),
  progress: z.number(),
  total: z.number().optional(),
  message: z.string().optional(),
  _meta: z.record(z.string(), z.unknown()).optional(),
});

export const cancelledParams = z.object({
  requestId: z.union([z.string(), z.number()]),
  reason: z.string().optional(),
});

export type CallToolParams = z.infer<typeof callToolParams>;
type CallToolResult = z.infer<typeof callToolResult>;
export type Progress = Omit<
  z.infer<typeof progressParams>,
  "progressToken" | "_meta"
>;

/** MCP wants an object as structured content; any other output is wrapped, and marked so. */
const wrapped = "troupe/wrapped";
/** A terminal event carries the request that it answers, so that the events alone are the whole history. */
const request = "troupe/request";

export function toCallToolResult(
  output: unknown,
  requestParams?: unknown,
): CallToolResult {
  const isObject =
    typeof output === "object" && output !== null && !Array.isArray(output);
  const meta: Record<string, unknown> = {};
  if (!isObject) meta[wrapped] = true;
  if (requestParams !== undefined) meta[request] = requestParams;
  return {
    content: [],
    structuredContent: isObject
      ? (output as Record<string, unknown>)
      : { value: output },
    _meta: meta,
  };
}

/** What the tool returned, of a result that may come from anywhere. */
export function outputOf(result: Partial<CallToolResult>): unknown {
  const { structuredContent, content, _meta } = result;
  if (_meta?.[wrapped] === true) return structuredContent?.["value"];
  return structuredContent ?? content;
}

export function requestOf(result: CallToolResult): unknown {
  return result._meta?.[request];
}

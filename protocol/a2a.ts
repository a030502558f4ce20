// The message of A2A 1.0 that travels on the bus, in its ProtoJSON form: member-based parts, SCREAMING_SNAKE enums.
import { z } from "zod";

const metadata = z.record(z.string(), z.unknown()).optional();

const part = z.object({
  text: z.string().optional(),
  raw: z.string().optional(),
  url: z.string().optional(),
  data: z.unknown().optional(),
  mediaType: z.string().optional(),
  filename: z.string().optional(),
  metadata,
});

const message = z.object({
  messageId: z.string(),
  contextId: z.string().optional(),
  taskId: z.string().optional(),
  role: z.enum(["ROLE_USER", "ROLE_AGENT"]),
  parts: z.array(part).min(1),
  metadata,
  extensions: z.array(z.string()).optional(),
  referenceTaskIds: z.array(z.string()).optional(),
});

export const sendMessageParams = z.object({
  message,
  configuration: z.record(z.string(), z.unknown()).optional(),
  metadata,
});

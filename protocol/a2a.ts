// The messages of A2A 1.0 that travel on the bus, in its ProtoJSON form: member-based parts, SCREAMING_SNAKE enums.
import { z } from "zod";
import type { TaskState } from "./task.js";

const metadata = z.record(z.string(), z.unknown()).optional();

export const part = z.object({
  text: z.string().optional(),
  raw: z.string().optional(),
  url: z.string().optional(),
  data: z.unknown().optional(),
  mediaType: z.string().optional(),
  filename: z.string().optional(),
  metadata,
});

export const message = z.object({
  messageId: z.string(),
  contextId: z.string().optional(),
  taskId: z.string().optional(),
  role: z.enum(["ROLE_USER", "ROLE_AGENT"]),
  parts: z.array(part).min(1),
  metadata,
  extensions: z.array(z.string()).optional(),
  referenceTaskIds: z.array(z.string()).optional(),
});

export const artifact = z.object({
  artifactId: z.string(),
  name: z.string().optional(),
  description: z.string().optional(),
  parts: z.array(part),
  metadata,
});

export const sendMessageParams = z.object({
  message,
  configuration: z.record(z.string(), z.unknown()).optional(),
  metadata,
});

export const taskStates = {
  submitted: "TASK_STATE_SUBMITTED",
  working: "TASK_STATE_WORKING",
  "input-required": "TASK_STATE_INPUT_REQUIRED",
  "auth-required": "TASK_STATE_AUTH_REQUIRED",
  completed: "TASK_STATE_COMPLETED",
  failed: "TASK_STATE_FAILED",
  canceled: "TASK_STATE_CANCELED",
  rejected: "TASK_STATE_REJECTED",
} as const satisfies Record<TaskState, string>;

export const taskStatus = z.object({
  state: z.enum(Object.values(taskStates)),
  message: message.optional(),
  timestamp: z.string().optional(),
});

export const task = z.object({
  id: z.string(),
  contextId: z.string(),
  status: taskStatus,
  artifacts: z.array(artifact).optional(),
  history: z.array(message).optional(),
  metadata,
});

export const taskStatusUpdateEvent = z.object({
  taskId: z.string(),
  contextId: z.string(),
  status: taskStatus,
  metadata,
});

export const taskArtifactUpdateEvent = z.object({
  taskId: z.string(),
  contextId: z.string(),
  artifact,
  append: z.boolean().optional(),
  lastChunk: z.boolean().optional(),
  metadata,
});

export type Part = z.infer<typeof part>;
export type Message = z.infer<typeof message>;
export type Artifact = z.infer<typeof artifact>;
export type A2aTask = z.infer<typeof task>;
export type SendMessageParams = z.infer<typeof sendMessageParams>;

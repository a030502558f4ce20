// What users import.

// Declare
export {
  agent,
  type Agent,
  type SkillRef,
  type StatefulAgent,
} from "./workers/agent.js";
export {
  skill,
  type SkillDefinition,
  type SkillOptions,
} from "./workers/skill.js";
export type { TaskContext, ProgressUpdate } from "./workers/task-context.js";
export type {
  AtOnceOptions,
  BreakerOptions,
  LimitOptions,
  RateOptions,
} from "./workers/limits/options.js";
export type { RetryPolicy } from "./bus/delivery/retry.js";

// Declare what keeps its state
export type { ResultOf, StatefulOptions } from "./workers/stateful.js";
export {
  callSkill,
  type CallError,
  type CallSkillOptions,
} from "./actors/skill-call.js";
export type { Context, ContextSnapshot } from "./workers/context-handle.js";
export type { ContextResult } from "./actors/step.js";
export type { EmittedEvent } from "./bus/emitted.js";

// Connect
export {
  connect,
  type AskOptions,
  type Bus,
  type ConnectOptions,
} from "./troupe.js";
export type {
  DrainOptions,
  OrderOptions,
  PauseOptions,
} from "./bus/agent-control.js";
export type { AgentOrders } from "./bus/agent-orders.js";
export type { Durability } from "./bus/durability.js";
export type { StreamLimits } from "./bus/streams.js";
export type { ServeOptions } from "./workers/serve-options.js";
export type { Worker } from "./workers/worker.js";

// Tasks
export type { CallOptions, SubmitOptions } from "./bus/submitter.js";
export type {
  ChangeOptions,
  Lane,
  LaneChange,
  Lanes,
  LanesOf,
} from "./bus/lanes/lanes.js";
export type { Weights } from "./protocol/lanes.js";
export type { TaskHandle, WaitFor } from "./bus/task-handle.js";
export type { TaskEvent, TaskState, TerminalState } from "./protocol/task.js";
export type {
  DeadLetter,
  DeadLetterFilter,
  RedriveOptions,
} from "./bus/dead-letters.js";
export type { ProgressFilter } from "./bus/live.js";
export type { AgentReplayFilter, ReplayFilter } from "./bus/replay.js";
export type { AgentEvent } from "./protocol/agent-events.js";
export type { Backlog } from "./bus/backlog.js";
export type { TaskFilter, TaskSummary } from "./bus/task-list.js";

// Find and choose agents
export type {
  AgentCard,
  InstanceCard,
  Labels,
  SkillCard,
} from "./protocol/card.js";
export type { AgentChange } from "./bus/directory.js";
export type { Discovered, DiscoverFilter } from "./bus/discovery.js";
export type { RouteOptions } from "./bus/router.js";
export type { Scorer, Scores, SkillDocument } from "./bus/routing/scorer.js";
export {
  embeddingScorer,
  type EmbeddingOptions,
} from "./bus/routing/embeddings.js";
export type { Need, Strategy } from "./protocol/need.js";
export type { Route, RouteCandidate } from "./protocol/route.js";

// Orchestrate
export type { OrchestrateOptions } from "./troupe.js";
export type { Orchestrator } from "./orchestrator/orchestrator.js";
export type {
  AgentsQuery,
  ContextsQuery,
  DeadLettersQuery,
  QueriedTask,
  TasksAnswer,
  TasksQuery,
} from "./orchestrator/query.js";

// Say
export {
  refuse,
  reject,
  TroupeError,
  type ErrorCode,
} from "./protocol/errors.js";
export type { Duration } from "./protocol/duration.js";
export type { Level } from "./protocol/levels.js";

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

// Do durably
export type { Attempt } from "./workers/steps/attempt.js";
export type { ChildOptions } from "./workers/steps/calls.js";
export type { DurableOperations } from "./workers/steps/operations.js";
export type { StepOptions } from "./workers/steps/steps.js";
export type { SignalOptions } from "./bus/journal/signals.js";
export type { ForkOptions } from "./bus/journal/fork.js";
export type { JournalSignal, TaskJournal } from "./protocol/task-journal.js";
export { toJournalFile, type JournalFile } from "./protocol/journal-file.js";
export type { JournalEntry } from "./protocol/journal.js";

export {
  checkJournal,
  type JournalCheckOptions,
} from "./workers/check/check.js";
export type {
  JournalCheck,
  JournalDifference,
} from "./workers/check/journal-check.js";

// Declare what keeps its state
export type { ResultOf, StatefulOptions } from "./workers/contexts/stateful.js";
export {
  callSkill,
  type CallError,
  type CallSkillOptions,
} from "./actors/durable/skill-call.js";
export type {
  Context,
  ContextSnapshot,
} from "./workers/contexts/context-handle.js";
export type { ContextResult } from "./actors/durable/step.js";
export type { EmittedEvent } from "./bus/history/emitted.js";

// Connect
export { connect, type ConnectOptions } from "./connect.js";
export type { Bus } from "./troupe.js";
export type {
  DrainOptions,
  OrderOptions,
  PauseOptions,
} from "./bus/registry/agent-control.js";
export type { AgentOrders } from "./bus/registry/agent-orders.js";
export type { Durability } from "./bus/connection/durability.js";
export type { StreamLimits } from "./bus/streams/streams.js";
export type { ServeOptions } from "./workers/serve-options.js";
export type { Worker } from "./workers/worker.js";

// Tasks
export type { AskOptions } from "./bus/tasks/sender.js";
export type { CallOptions, SubmitOptions } from "./bus/tasks/submit-options.js";
export type {
  ChangeOptions,
  Lane,
  LaneChange,
  Lanes,
  LanesOf,
} from "./bus/lanes/lanes.js";
export type { Weights } from "./protocol/lanes.js";
export type { TaskHandle, WaitFor } from "./bus/tasks/task-handle.js";
export type { TaskEvent, TaskState, TerminalState } from "./protocol/task.js";
export type { DeadLetter, DeadLetterFilter } from "./bus/tasks/dead-letters.js";
export type { RedriveOptions } from "./bus/tasks/redrive.js";
export type { CancelOptions } from "./bus/tasks/cancel.js";
export type {
  UndoAnswer,
  UndoDecision,
  UndoOptions,
} from "./bus/tasks/undo-orders.js";
export type { StuckTask } from "./bus/tasks/stuck.js";
export type { UndoReport } from "./protocol/undo-state.js";
export type { ProgressFilter } from "./bus/history/live.js";
export type { AgentReplayFilter, ReplayFilter } from "./bus/history/replay.js";
export type { AgentEvent } from "./protocol/agent-events.js";
export type { Backlog } from "./bus/delivery/backlog.js";
export type { TaskFilter, TaskSummary } from "./bus/tasks/task-list.js";

// Tasks by the clock
export type { When } from "./protocol/firing-times.js";
export type { Missed, ScheduleOptions } from "./bus/schedules/definition.js";
export type { Added, Schedules } from "./bus/schedules/schedules.js";
export type { LastFiring, Schedule } from "./bus/schedules/summary.js";

// Find and choose agents
export type {
  AgentCard,
  InstanceCard,
  Labels,
  SkillCard,
} from "./protocol/card.js";
export type { AgentChange } from "./bus/registry/directory.js";
export type { Discovered, DiscoverFilter } from "./bus/registry/discovery.js";
export type { RouteOptions } from "./bus/routing/router.js";
export type { Scorer, Scores, SkillDocument } from "./bus/routing/scorer.js";
export {
  embeddingScorer,
  type EmbeddingOptions,
} from "./bus/routing/embeddings.js";
export type { Need, Strategy } from "./protocol/need.js";
export type { Route, RouteCandidate } from "./protocol/route.js";

// Orchestrate
export type { OrchestrateOptions } from "./serving.js";
export type { Orchestrator } from "./orchestrator/orchestrator.js";
export type {
  AgentsQuery,
  ContextsQuery,
  DeadLettersQuery,
  QueriedTask,
  TasksAnswer,
  TasksQuery,
} from "./orchestrator/queries/query.js";

// Plan
export { checkPlan, type CheckOptions } from "./protocol/plan/check.js";
export { drawPlan } from "./protocol/plan/draw.js";
export { planJsonSchema, planSchema, type Plan } from "./protocol/plan/plan.js";
export type { PlanProblem } from "./protocol/plan/outline.js";
export type { PlanAnswer, PlanQuestion } from "./protocol/plan/questions.js";
export type { Step as PlanStep } from "./protocol/plan/step.js";
export type { Condition as PlanCondition } from "./protocol/plan/condition.js";
export type { Plans, RunPlanOptions } from "./bus/plans/plans.js";
export type { KeptPlan, PlanVersion } from "./bus/plans/templates.js";

// Say
export {
  refuse,
  reject,
  TroupeError,
  type ErrorCode,
} from "./protocol/errors.js";
export type { Duration } from "./protocol/duration.js";
export type { Level } from "./protocol/levels.js";

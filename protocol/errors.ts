// Every error that Troupe raises or writes to the log is a TroupeError with a code from this table.
// There are two outcomes only: a retryable error may go away by itself, a terminal one will not.

interface ErrorKind {
  readonly retryable: boolean;
  /** The number that stands in a JSON-RPC error object. */
  readonly rpc: number;
  /** What to do about it, when the message itself does not say. */
  readonly advice: string;
}

const terminal = (rpc: number, advice: string): ErrorKind => ({
  retryable: false,
  rpc,
  advice,
});
const retryable = (rpc: number, advice: string): ErrorKind => ({
  retryable: true,
  rpc,
  advice,
});

export const errorTable = {
  // What the caller asked for cannot be.
  INPUT_INVALID: terminal(-32602, "Send input that fits the skill's schema."),
  OUTPUT_INVALID: terminal(
    -32001,
    "Let the handler return what its output schema says.",
  ),
  ARGUMENT_INVALID: terminal(-32602, "Correct the argument."),
  MESSAGE_UNREADABLE: terminal(
    -32700,
    "Send a JSON-RPC 2.0 object as msgpack or JSON.",
  ),
  AGENT_UNKNOWN: terminal(
    -32601,
    "Start an instance of the agent, or correct its name.",
  ),
  LANE_UNSERVED: terminal(
    -32601,
    "Start an instance in the lane, or force the split.",
  ),
  SKILL_UNKNOWN: terminal(-32601, "Use a skill that the agent has."),
  NO_CANDIDATE: retryable(
    -32601,
    "Start an agent that meets the need, ask for less, or wait for one.",
  ),
  TASK_UNKNOWN: terminal(
    -32001,
    "Check the id; the history of old tasks ages out.",
  ),
  SCHEDULE_UNKNOWN: terminal(
    -32001,
    "Correct the name; see which there are with npx troupe schedules ls.",
  ),
  SCHEDULE_EXISTS: terminal(
    -32602,
    "Choose another name, or ask for the schedule to be replaced.",
  ),
  PAYLOAD_TOO_LARGE: terminal(
    -32602,
    "Send less, or store it elsewhere and send where it is.",
  ),

  // What became of a task.
  HANDLER_FAILED: retryable(-32000, "See the cause; the task is tried again."),
  HANDLER_REFUSED: terminal(
    -32000,
    "See the message; the handler said that trying again is no use.",
  ),
  ATTEMPTS_EXHAUSTED: terminal(
    -32000,
    "See the last error; redrive the dead letter when it is mended.",
  ),
  WORKER_LOST: terminal(
    -32000,
    "See why its workers die or block; redrive the dead letter then.",
  ),
  TIMED_OUT: retryable(
    -32000,
    "Give the skill a longer timeout, or make it faster.",
  ),
  DEADLINE_PASSED: terminal(
    -32000,
    "Give the task a later deadline, or more workers.",
  ),
  BREAKER_OPEN: retryable(
    -32000,
    "Wait until the skill works again, or give it a fallback.",
  ),
  LIMIT_REACHED: retryable(
    -32000,
    "Ask again later, raise the limit, or submit a durable task, which waits.",
  ),
  WORKER_STOPPING: retryable(
    -32000,
    "Nothing: another instance takes the task.",
  ),
  STATE_REFUSED: terminal(-32000, "Ask for what its state allows."),
  RESTARTS_EXHAUSTED: terminal(
    -32000,
    "See the last failure; start it again when it is mended.",
  ),
  TASK_CANCELED: terminal(-32000, "Nothing: somebody canceled the task."),
  TASK_REJECTED: terminal(
    -32000,
    "See the message; the agent does not take this task.",
  ),
  SNAPSHOT_REFUSED: retryable(
    -32000,
    "Serve the version that wrote it, or give the agent a migrate function.",
  ),
  CONTEXT_STOPPED: terminal(
    -32000,
    "Redrive the dead letter that stopped the context, or resume it; then redrive this one.",
  ),

  // Plans.
  PLAN_INVALID: terminal(-32602, "Correct the plan where the message says."),
  PLAN_UNKNOWN: terminal(-32602, "Put the plan first, or correct its name."),
  PLAN_FAILED: terminal(
    -32000,
    "See the message; correct the plan, or what it was given.",
  ),
  BUDGET_EXCEEDED: terminal(-32000, "Give the plan a larger budget."),
  VOTE_UNDECIDED: terminal(
    -32000,
    'See the ballots; ask for less, or say "otherwise": "continue".',
  ),
  APPROVAL_DENIED: terminal(-32000, "See who said no, and why."),
  // Durable steps.
  STEP_MISMATCH: retryable(
    -32000,
    "Serve the version of the agent that began the task, or make the handler fit with task.patched().",
  ),
  STEP_RESULT_INVALID: terminal(
    -32000,
    "Return plain data from the step: what JSON has, dates and bytes.",
  ),
  STEP_UNAVAILABLE: terminal(
    -32000,
    "Submit the task instead of asking: only a durable task can wait.",
  ),
  JOURNAL_FULL: terminal(
    -32000,
    "Let the handler return task.continueAs(input) now and then.",
  ),
  JOURNAL_UNREADABLE: retryable(
    -32000,
    "Serve a version that understands the journal, or cancel the task.",
  ),
  UNDO_FAILED: terminal(
    -32000,
    "Retry, skip or resolve what could not be undone: see the dead letter.",
  ),
  TASK_ENDED: terminal(-32000, "Nothing: the task is over."),

  // The bus.
  AGENT_PAUSED: retryable(-32000, "Wait until the agent is resumed."),
  NO_RESPONDERS: retryable(-32000, "Start an instance of the agent."),
  WAIT_TIMED_OUT: retryable(
    -32000,
    "Wait longer, or see whether a worker is running.",
  ),
  NOT_CONNECTED: retryable(-32000, "Check that nats-server runs at the URL."),
  CONNECTION_CLOSED: terminal(-32000, "Connect again."),
  PERMISSION_DENIED: terminal(
    -32000,
    "Give these credentials the permission in nats.conf.",
  ),
  STREAM_FULL: retryable(
    -32000,
    "Raise the stream's limits, or start more workers.",
  ),
  STREAM_CONFLICT: terminal(
    -32000,
    "Change the stream by hand, or use another namespace.",
  ),
  DURABILITY_REFUSED: terminal(
    -32000,
    "Ask for a lower level, or configure the server for it.",
  ),
  LEASE_LOST: terminal(-32000, "Nothing: another orchestrator leads."),
  CONFLICT: retryable(-32000, "Read the newest state and try again."),
  BUS_FAILED: retryable(-32000, "See the cause."),

  // The server at hand.
  SERVER_NOT_FOUND: terminal(-32000, "Set $NATS_URL, or install nats-server."),
  SERVER_TOO_OLD: terminal(-32000, "Install a newer nats-server."),
  SERVER_FAILED: terminal(-32000, "See the server's log."),
  DOWNLOAD_FAILED: retryable(-32000, "Try again, or set $TROUPE_NATS_SERVER."),
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof errorTable;

interface TroupeErrorOptions {
  cause?: unknown;
  /** Facts for programs, such as the path of a refused field. */
  data?: Readonly<Record<string, unknown>>;
  /** Overrides what the table says of the code. */
  retryable?: boolean;
}

/** What happened, the value in quotes, and the next step; `cause` always travels. */
export class TroupeError extends Error {
  override readonly name = "TroupeError";
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly data: Readonly<Record<string, unknown>> | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    options: TroupeErrorOptions = {},
  ) {
    super(
      message,
      options.cause === undefined ? undefined : { cause: options.cause },
    );
    this.code = code;
    this.retryable = options.retryable ?? errorTable[code].retryable;
    this.data = options.data;
  }
}

/** For a handler: throw this when trying again is of no use. The task fails at once. */
export function refuse(
  message: string,
  options: Omit<TroupeErrorOptions, "retryable"> = {},
): TroupeError {
  return new TroupeError("HANDLER_REFUSED", message, options);
}

/** For a handler: throw this when the agent does not take this task at all. It ends as `rejected`, without a dead letter. */
export function reject(
  message: string,
  options: Omit<TroupeErrorOptions, "retryable"> = {},
): TroupeError {
  const rejection = new TroupeError("TASK_REJECTED", message, options);
  rejections.add(rejection);
  return rejection;
}

const rejections = new WeakSet<object>();

/** Made by `reject` in this process, and not the end of another task that was heard of. */
export function isRejection(error: TroupeError): boolean {
  return rejections.has(error);
}

export function skillUnknown(
  agent: string,
  skill: string,
  known: Iterable<string>,
): TroupeError {
  return new TroupeError(
    "SKILL_UNKNOWN",
    `agent "${agent}" has no skill "${skill}": it has "${[...known].join('", "')}"`,
  );
}

export function taskUnknown(taskId: string): TroupeError {
  return new TroupeError(
    "TASK_UNKNOWN",
    `there is no task "${taskId}": check the id; the history of old tasks ages out`,
  );
}

export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === "string" && Object.hasOwn(errorTable, value);
}

/** One of ours, with one of these codes. */
export function hasCode(
  error: unknown,
  ...codes: readonly ErrorCode[]
): error is TroupeError {
  return error instanceof TroupeError && codes.includes(error.code);
}

/** Another was first. */
export function isConflict(error: unknown): error is TroupeError {
  return hasCode(error, "CONFLICT");
}

/** For what comes from elsewhere: a code that we do not know may be any. */
export function toErrorCode(value: unknown): ErrorCode {
  return isErrorCode(value) ? value : "HANDLER_FAILED";
}

/**
 * It says what becomes of the very task that ends with it. That another task was canceled or rejected, or its worker
 * stops, does not mean that this one is, or does.
 */
export function isOfOneTask({ code }: TroupeError): boolean {
  return ofOneTask.includes(code);
}

const ofOneTask: readonly ErrorCode[] = [
  "TASK_CANCELED",
  "TASK_REJECTED",
  "WORKER_STOPPING",
];

/** What a handler throws is retryable, unless it says otherwise by a TroupeError or `retryable: false`. */
export function toTroupeError(thrown: unknown): TroupeError {
  if (thrown instanceof TroupeError) return thrown;
  const said = (thrown as { retryable?: unknown } | null | undefined)
    ?.retryable;
  return new TroupeError("HANDLER_FAILED", messageOf(thrown), {
    cause: thrown,
    ...(typeof said === "boolean" ? { retryable: said } : {}),
  });
}

/** The message of anything that can be thrown. */
export function messageOf(thrown: unknown): string {
  if (thrown instanceof Error) return thrown.message || thrown.name;
  return typeof thrown === "string" ? thrown : `a thrown ${describe(thrown)}`;
}

function describe(thrown: unknown): string {
  try {
    return `${typeof thrown} ${JSON.stringify(thrown)}`;
  } catch {
    return typeof thrown;
  }
}

// Request-reply that is not stored, caller's side. The client's own request() makes a timer, a promise race
// and a request object a call; this has one reply subscription and one sweep.
//
// Every ask ends: by its answer, by "nobody is there", by its timeout, or with the connection (R9).
import type { Msg } from "@nats-io/transport-node";
import { encodeBody } from "../../protocol/codec.js";
import { formatMs } from "../../protocol/duration.js";
import { TroupeError } from "../../protocol/errors.js";
import { encodeHeaders } from "../../protocol/headers.js";
import { newToken } from "../../protocol/ids.js";
import { defaultLane } from "../../protocol/subjects.js";
import { parseOutcome, type Outcome } from "../../protocol/outcome.js";
import type { Link } from "../connection/connection.js";
import { asNatsHeaders } from "../connection/wire-headers.js";
import { checkSize } from "../streams/publisher.js";
import { SlotMap } from "../streams/slots.js";
import type { Names } from "../tasks/target.js";
import { endSpan, headersFor, startSpan } from "../connection/trace.js";

/** Whom one asks. */
export interface Asked extends Names {
  /** Default main. */
  lane?: string | undefined;
}

interface Times {
  startedAt: number;
  timeoutMs: number;
}

interface Ask extends Asked, Times {
  resolve: (output: unknown) => void;
  reject: (error: TroupeError) => void;
}

const sweepMs = 50;

export class Asks {
  readonly #link: Link;
  readonly #inbox = `_INBOX.${newToken()}.`;
  readonly #pending = new SlotMap<Ask>();
  #count = 0;
  #listening = false;
  #sweep: NodeJS.Timeout | undefined;

  constructor(link: Link) {
    this.#link = link;
    link.onClose((error) => this.#failAll(() => error));
    link.onReconnect(() => this.#failAll(lostOnTheWay));
    link.onRefusal(({ subject, error }) =>
      this.#failAll((ask) =>
        link.subjects.ask(ask.agent, ask.skill, ask.lane) === subject
          ? error
          : undefined,
      ),
    );
  }

  /** Of its time so much may have been waited already. */
  ask(
    names: Asked,
    input: unknown,
    timeoutMs: number,
    waitedMs = 0,
  ): Promise<unknown> {
    const startedAt = performance.now() - waitedMs;
    const times = { startedAt, timeoutMs };
    const span = startSpan("ask", { ...names, taskId: "" });
    if (!span) return this.#send(names, input, times, {});
    const answer = this.#send(names, input, times, headersFor(span));
    answer.then(
      () => endSpan(span),
      (error: unknown) => endSpan(span, error),
    );
    return answer;
  }

  #send(
    names: Asked,
    input: unknown,
    { startedAt, timeoutMs }: Times,
    trace: { traceparent?: string },
  ): Promise<unknown> {
    const link = this.#link;
    if (link.closed) throw link.closedError();
    this.#listen();
    const id = (this.#count++).toString(36);
    const subject = link.subjects.ask(names.agent, names.skill, names.lane);
    const body = encodeBody({
      jsonrpc: "2.0",
      id,
      method: "tools/call",
      params: { name: names.skill, arguments: input },
    });
    checkSize(link, subject, body.length);
    const reply = this.#inbox + id;
    link.nats.publish(
      subject,
      body,
      trace.traceparent === undefined
        ? { reply }
        : { reply, headers: asNatsHeaders(encodeHeaders(trace)) },
    );
    return new Promise((resolve, reject) => {
      this.#pending.set(id, {
        agent: names.agent,
        skill: names.skill,
        lane: names.lane,
        resolve,
        reject,
        startedAt,
        timeoutMs,
      });
      this.#sweep ??= setInterval(() => this.#sweepAsks(), sweepMs);
    });
  }

  #listen(): void {
    if (this.#listening) return;
    this.#listening = true;
    this.#link.listen(`${this.#inbox}*`, (msg) => this.#answered(msg));
  }

  #answered(msg: Msg): void {
    const id = msg.subject.slice(this.#inbox.length);
    const ask = this.#pending.get(id);
    if (!ask) return;
    this.#finish(id);
    if (msg.data.length === 0 && msg.headers?.code === 503)
      return ask.reject(nobodyThere(ask));
    let outcome: Outcome;
    try {
      outcome = parseOutcome(msg.data);
    } catch (error) {
      return ask.reject(error as TroupeError);
    }
    if (outcome.state === "completed") ask.resolve(outcome.output);
    else ask.reject(outcome.error);
  }

  #finish(id: string): void {
    this.#pending.delete(id);
    if (this.#pending.size > 0) return;
    clearInterval(this.#sweep);
    this.#sweep = undefined;
  }

  #sweepAsks(): void {
    const now = performance.now();
    for (const [id, ask] of this.#pending) {
      if (now - ask.startedAt < ask.timeoutMs) continue;
      this.#finish(id);
      ask.reject(outOfTime(ask));
    }
  }

  #failAll(errorFor: (ask: Ask) => TroupeError | undefined): void {
    for (const [id, ask] of this.#pending) {
      const error = errorFor(ask);
      if (!error) continue;
      this.#finish(id);
      ask.reject(error);
    }
  }
}

function nobodyThere({ agent, skill, lane = defaultLane }: Ask): TroupeError {
  const where = lane === defaultLane ? "" : ` in lane "${lane}"`;
  return new TroupeError(
    "NO_RESPONDERS",
    `no instance of agent "${agent}" is there${where} to answer ${agent}.${skill}: start one, or submit a durable task instead, which waits for one`,
  );
}

function outOfTime({ agent, skill, timeoutMs }: Ask): TroupeError {
  return new TroupeError(
    "WAIT_TIMED_OUT",
    `waited ${formatMs(timeoutMs)} for ${agent}.${skill} to answer: ask again, wait longer with { timeout }, or submit a durable task instead`,
  );
}

/** Whether it was handled nobody knows, so it is not sent again by itself. */
function lostOnTheWay({ agent, skill }: Ask): TroupeError {
  return new TroupeError(
    "NOT_CONNECTED",
    `the connection broke while ${agent}.${skill} was asked: it may or may not have been handled; ask again, or submit a durable task instead`,
  );
}

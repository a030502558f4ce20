// One connection to NATS, as the rest of bus/ uses it: it reconnects for as long as it takes, tells the
// server's clock, and says which server errors belong to which subject.
//
// 1. The client drops what it had buffered when a connection breaks. Whatever must not be lost is kept by
//    its sender (publisher, asks, waits) and sent again by its `onReconnect` listener.
// 2. All times on the log are the server's. `clock.now()` is the server's time as far as we can tell, so
//    that machines whose clocks differ agree on deadlines.
import {
  jetstream,
  jetstreamManager,
  type JetStreamClient,
  type JetStreamManager,
} from "@nats-io/jetstream";
import {
  PermissionViolationError,
  type Msg,
  type NatsConnection,
  type Subscription,
} from "@nats-io/transport-node";
import { TroupeError } from "../../protocol/errors.js";
import { newToken } from "../../protocol/ids.js";
import { settledWithin } from "../../protocol/settled-within.js";
import { subjectsOf, type Subjects } from "../../protocol/subjects.js";
import { explainClosing } from "./closing.js";
import {
  connectionLifecycle,
  type ConnectionState,
} from "./connection.machine.js";
import { dial, parseAddress, type LinkOptions } from "./dial.js";
import { logger, type Logger } from "./log.js";
import { ServerClock, steadyTime } from "./server-clock.js";
import { asNatsHeaders } from "./wire-headers.js";

interface Refusal {
  operation: "publish" | "subscription";
  subject: string;
  error: TroupeError;
}

type Listener<Argument = void> = (argument: Argument) => void;

/** A server that is there answers sooner, whatever else it does. */
const silenceMs = 3_000;
/** So long one that was silent is waited for, until it is heard again. */
const stillSilentMs = 100;

export class Link {
  readonly nats: NatsConnection;
  readonly js: JetStreamClient;
  readonly jsm: JetStreamManager;
  readonly subjects: Subjects;
  readonly url: string;
  /** Names this connection in the subjects of its tasks' events. */
  readonly origin = newToken();
  readonly log: Logger;
  /** Messages to a stream are stored in groups: durability "disk". */
  commitsGroups = false;
  /** How many copies of EVENTS the cluster keeps, and so of whatever else is made. */
  replicas = 1;
  readonly clock = new ServerClock(() => void this.readClock());
  /** When the connection last came back, on the server's clock; 0 as long as it was never lost. */
  reconnectedAt = 0;
  readonly #reconnected = new Set<Listener>();
  readonly #refused = new Set<Listener<Refusal>>();
  readonly #ended = new Set<Listener<TroupeError>>();
  readonly #cutOff = new Set<Listener>();
  readonly #stepped = new Set<Listener<ConnectionState>>();
  /** It was waited for in vain, and has not come back since. */
  #isSilent = false;
  /** Of several, the one that it last was connected to. */
  #server: string | undefined;
  readonly #life = connectionLifecycle.begin((now, _event, before) =>
    this.#entered(now.state, before),
  );

  static async open(options: LinkOptions): Promise<Link> {
    const subjects = subjectsOf(options.namespace);
    const address = parseAddress(options.url);
    const nats = await dial(options, address);
    const jsm = await jetstreamManager(nats, { checkAPI: false });
    return new Link(nats, jsm, subjects, address.servers.join(","));
  }

  private constructor(
    nats: NatsConnection,
    jsm: JetStreamManager,
    subjects: Subjects,
    url: string,
  ) {
    this.nats = nats;
    explainClosing(nats, () => (this.closed ? this.closedError() : undefined));
    this.jsm = jsm;
    this.js = jetstream(nats);
    this.subjects = subjects;
    this.url = url;
    this.log = logger.child({ namespace: subjects.namespace });
    this.#life.send("connected");
    void this.#watch();
  }

  /** What its machine says; the two that follow are asked for with each message. */
  get state(): ConnectionState {
    return this.#life.state;
  }

  get connected(): boolean {
    return this.#life.state === "connected";
  }

  get closed(): boolean {
    return this.#life.state === "closed";
  }

  /** Sends without waiting for anything. `headers` is an encoded header block. */
  send(
    subject: string,
    body: Uint8Array,
    headers?: Uint8Array,
    reply?: string,
  ): void {
    if (this.closed) throw this.closedError();
    this.nats.publish(subject, body, {
      ...(headers === undefined ? {} : { headers: asNatsHeaders(headers) }),
      ...(reply === undefined ? {} : { reply }),
    });
  }

  /**
   * Hears a subject. What the listener throws is logged: the client would take it for a broken connection.
   * A subscription that the server refuses hears nothing and says so in the log.
   */
  listen(
    subject: string,
    listener: Listener<Msg>,
    options: { queue?: string } = {},
  ): Subscription {
    if (this.closed) throw this.closedError();
    return this.nats.subscribe(subject, {
      ...options,
      callback: (refused, msg) => {
        if (refused) return; // #refuse has said so
        try {
          listener(msg);
        } catch (error) {
          this.log.error(
            { error, subject: msg.subject },
            "a message could not be handled and was passed over",
          );
        }
      },
    });
  }

  /** The same for who hears until it has enough: answers how to hear no more. */
  hear(subject: string, listener: Listener<Msg>): () => void {
    const subscription = this.listen(subject, listener);
    return () => {
      if (!this.closed) subscription.unsubscribe();
    };
  }

  onReconnect(listener: Listener): () => void {
    this.#reconnected.add(listener);
    return () => this.#reconnected.delete(listener);
  }

  /** Hears of each state that it enters. */
  onState(listener: Listener<ConnectionState>): () => void {
    this.#stepped.add(listener);
    return () => this.#stepped.delete(listener);
  }

  /** The server refused a publish or a subscription by permission. */
  onRefusal(listener: Listener<Refusal>): () => void {
    this.#refused.add(listener);
    return () => this.#refused.delete(listener);
  }

  onClose(listener: Listener<TroupeError>): () => void {
    this.#ended.add(listener);
    return () => this.#ended.delete(listener);
  }

  /** Ends a subscription; what was on its way is handed over first, unless the connection that brings it is lost. */
  async unsubscribe(subscription: Subscription): Promise<void> {
    if (this.connected) await this.untilCutOff(subscription.drain());
    else if (!this.closed) subscription.unsubscribe();
  }

  /** What was sent has reached the server, unless the connection is lost or silent. */
  async flush(): Promise<void> {
    const heard = () => (this.#isSilent = false);
    if (this.connected) await this.untilCutOff(this.nats.flush().then(heard));
  }

  /**
   * Resolves when the work has ended, whichever way; or when the connection is lost, or the server silent for long:
   * what it waits for may never come then. Only for work that needs nothing but the server.
   */
  async untilCutOff(work: Promise<unknown>): Promise<void> {
    const settled = Promise.allSettled([work]);
    if (!this.connected) return;
    let cutOff!: Listener;
    const lost = new Promise<void>((resolve) => (cutOff = resolve));
    this.#cutOff.add(cutOff);
    const patienceMs = this.#isSilent ? stillSilentMs : silenceMs;
    const either = Promise.race([settled, lost]);
    if (!(await settledWithin(patienceMs, either))) this.#isSilent = true;
    this.#cutOff.delete(cutOff);
  }

  /** Reads the server's clock; without an answer ours counts on as it is. */
  async readClock(): Promise<void> {
    const sentAt = steadyTime();
    try {
      const { ts } = await this.jsm.streams.info(this.subjects.streams.events);
      this.clock.adjust(ts, sentAt);
    } catch (error) {
      this.log.debug({ error }, "the server's clock could not be read");
    }
  }

  get maxPayload(): number {
    return this.nats.info?.max_payload ?? 1024 * 1024;
  }

  closedError(): TroupeError {
    return new TroupeError(
      "CONNECTION_CLOSED",
      `the connection to ${this.url} is closed: connect again`,
    );
  }

  /** Whoever waits for something is told before the client ends it without a word. */
  async close(): Promise<void> {
    // That this and that could not be done, now that it is closed, only helps who looks closely.
    if (!this.log.isLevelEnabled("debug")) this.log.level = "error";
    this.#life.send("closed");
    await settledWithin(silenceMs, this.nats.close());
  }

  async #watch(): Promise<void> {
    for await (const status of this.nats.status()) {
      if ("server" in status) this.#server = status.server;
      if (status.type === "disconnect") this.#life.send("disconnected");
      else if (status.type === "reconnect") this.#life.send("connected");
      else if (status.type === "error") this.#refuse(status.error);
      else if (status.type === "slowConsumer")
        this.log.warn({ pending: status.pending }, "slow consumer");
    }
    this.#life.send("closed");
  }

  #entered(state: ConnectionState, before: ConnectionState): void {
    if (state === "connected" && before === "reconnecting") this.#cameBack();
    else for (const listener of this.#cutOff) listener();
    if (state === "reconnecting")
      this.log.warn(
        { server: this.#server },
        "connection lost; reconnecting for as long as it takes",
      );
    if (state === "closed")
      for (const listener of this.#ended) listener(this.closedError());
    for (const listener of this.#stepped) listener(state);
  }

  #cameBack(): void {
    this.#isSilent = false;
    this.reconnectedAt = this.clock.now();
    this.log.info({ server: this.#server }, "reconnected");
    for (const listener of this.#reconnected) listener();
  }

  #refuse(error: Error): void {
    if (!(error instanceof PermissionViolationError)) {
      this.log.error({ error: error.message }, "the server reported an error");
      return;
    }
    const { operation, subject } = error;
    const refused = new TroupeError(
      "PERMISSION_DENIED",
      `the server refused the ${operation === "publish" ? "publish to" : "subscription of"} "${subject}": give this user the permission, or connect as another`,
      { cause: error },
    );
    this.log.error({ operation, subject }, refused.message);
    for (const listener of this.#refused)
      listener({ operation, subject, error: refused });
  }
}

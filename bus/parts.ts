// What a connection has one of each: everything that a bus does is done by these.
import { Asks } from "./asks/asks.js";
import { Settings } from "./buckets/settings.js";
import type { Link } from "./connection/connection.js";
import { LaneChoice } from "./lanes/choice.js";
import { Registry } from "./registry/registry.js";
import { Router } from "./routing/router.js";
import type { Scorer } from "./routing/scorer.js";
import { Publisher } from "./streams/publisher.js";
import { Queues } from "./streams/queues.js";
import type { StreamLimits } from "./streams/streams.js";
import { Drafting } from "./tasks/drafting.js";
import { InputCheck } from "./tasks/input-check.js";
import { Outcomes } from "./tasks/outcomes.js";
import { Recorder } from "./tasks/recorder.js";
import { Sender } from "./tasks/sender.js";
import { Submitter } from "./tasks/submitter.js";

export class BusParts {
  readonly link: Link;
  readonly publisher: Publisher;
  readonly recorder: Recorder;
  readonly outcomes: Outcomes;
  readonly registry: Registry;
  readonly queues: Queues;
  readonly settings: Settings;
  readonly lanes: LaneChoice;
  readonly submitter: Submitter;
  readonly router: Router;
  readonly sender: Sender;

  constructor(link: Link, limits: StreamLimits, scorer: Scorer | undefined) {
    this.link = link;
    this.publisher = new Publisher(link);
    this.recorder = new Recorder(link, this.publisher);
    this.outcomes = new Outcomes(link);
    this.registry = new Registry(link, this.publisher);
    this.queues = new Queues(link, limits);
    this.settings = new Settings(link, this.publisher);
    this.lanes = new LaneChoice(link, this.settings);
    this.submitter = new Submitter(
      link,
      this.publisher,
      this.outcomes,
      new Drafting(
        link,
        new InputCheck(link, this.registry),
        this.queues,
        this.lanes,
      ),
    );
    this.router = new Router(link, this.registry, scorer);
    this.sender = new Sender(
      this.submitter,
      this.router,
      this.lanes,
      new Asks(link),
      this,
    );
  }
}

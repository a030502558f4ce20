// Which lane a task goes to whose submitter names none. What is set is watched from the first task to an agent
// on; afterwards an agent without a split costs a look into a map.
import {
  laneAt,
  laneOf,
  type Choice,
  type Split,
} from "../../protocol/lanes.js";
import { messageOf } from "../../protocol/errors.js";
import { defaultLane } from "../../protocol/subjects.js";
import { addressOf, type TaskSpec } from "../../protocol/task-message.js";
import type { Link } from "../connection/connection.js";
import { isDenied } from "../connection/denied.js";
import { lastMessage } from "../history/stored.js";
import type { Settings } from "../buckets/settings.js";
import { laneSettings } from "./setting.js";

/** Who may not read the settings asks again after a minute, and whose server did not answer, after a second. */
const deniedMs = 60_000;
const tryAgainMs = 1_000;

interface Lanes {
  /** Where its subject says it goes. */
  lane: string;
  /** Whose instances will handle it: for a task with a key, those of its partition. */
  handledIn: string;
}

const everythingToMain: Lanes = { lane: defaultLane, handledIn: defaultLane };

export class LaneChoice {
  readonly #link: Link;
  readonly #settings: Settings;
  /** By agent; null where there is none. */
  readonly #splits = new Map<string, Split | null>();
  readonly #asking = new Map<string, Promise<void>>();

  constructor(link: Link, settings: Settings) {
    this.#link = link;
    this.#settings = settings;
  }

  /** Nothing to wait for when the agent's split, or that it has none, is known, or the task names its lane. */
  know(
    agent: string,
    { lane }: { lane?: string | undefined },
  ): Promise<void> | undefined {
    if (lane !== undefined) return undefined;
    if (this.#splits.has(agent)) return undefined;
    const asking = this.#asking.get(agent) ?? this.#ask(agent);
    this.#asking.set(agent, asking);
    return asking;
  }

  choose(agent: string, choice: Choice): Lanes {
    const split = this.#splits.get(agent);
    if (!split) return everythingToMain;
    const handledIn = laneOf(split, choice);
    // Tasks with a key stay in one queue whatever the split says: its partitions change hands, not its tasks (R4).
    const lane = choice.key === undefined ? handledIn : defaultLane;
    return { lane, handledIn };
  }

  /** Where to ask, which has neither key nor context nor id. */
  chooseForAsk(agent: string): string {
    const split = this.#splits.get(agent);
    return split ? laneAt(split.weights, Math.random()) : defaultLane;
  }

  /** Submitted again while it waits, a task is the same in whichever lane the split would put it now. */
  async stay(spec: TaskSpec): Promise<void> {
    const { agent, taskId, key } = spec;
    if (key !== undefined || !this.#splits.get(agent)) return;
    const { queue, taskById } = this.#link.subjects;
    const known = await lastMessage(this.#link, queue(agent), taskById(taskId));
    if (known) spec.lane = addressOf(known.subject).lane;
  }

  async #ask(agent: string): Promise<void> {
    try {
      await this.#settings.follow(laneSettings, agent, ({ split }) =>
        this.#splits.set(agent, split ?? null),
      );
    } catch (error) {
      if (this.#link.closed) throw this.#link.closedError();
      this.#link.log.warn(
        { agent, error: messageOf(error) },
        "the split of the agent's lanes cannot be read; tasks that name no lane go to main",
      );
      this.#splits.set(agent, null);
      setTimeout(
        () => this.#splits.delete(agent),
        isDenied(error) ? deniedMs : tryAgainMs,
      ).unref();
    } finally {
      this.#asking.delete(agent);
    }
  }
}

// The partitions of keyed tasks that an instance pulls from: those of tasks submitted to its lane by name, and
// of those that name none (they stand in main's queue) the ones that its lane has by the agent's split.
import type { Split } from "../../protocol/lanes.js";
import { defaultLane } from "../../protocol/subjects.js";
import type { Link } from "../connection/connection.js";
import type { PriorityConsumer } from "../delivery/consumer.js";
import { KeyedQueues } from "../delivery/keyed.js";
import type { Settings } from "../buckets/settings.js";
import { laneSettings } from "./setting.js";
import { messageOf } from "../../protocol/errors.js";

interface PartitionsOf {
  agent: string;
  lane: string;
  ackWaitMs: number;
  rank?: ((this: void, partition: number) => number) | undefined;
}

export interface Following {
  stop(): void;
}

/** Resolves when it pulls from what is there. */
export async function followPartitions(
  link: Link,
  consumer: PriorityConsumer,
  settings: Settings,
  of: PartitionsOf,
): Promise<Following> {
  let split: Split | undefined;
  let stopped = false;
  const stops: (() => void)[] = [];
  const stop = (): void => {
    stopped = true;
    for (const each of stops) each();
  };
  let shared: KeyedQueues | undefined;
  let following: Promise<void> | undefined;
  const owns = (partition: number): boolean =>
    (split?.partitions[partition] ?? defaultLane) === of.lane;
  const followShared = async (): Promise<void> => {
    shared = await KeyedQueues.follow(link, consumer, {
      ...of,
      lane: defaultLane,
      owns,
    });
    if (stopped) return shared.stop();
    stops.push(() => shared?.stop());
    shared.review(); // it may have changed meanwhile
  };
  if (of.lane !== defaultLane) {
    const named = { ...of, owns: () => true };
    const own = await KeyedQueues.follow(link, consumer, named);
    stops.push(() => own.stop());
  }
  const share = (): void => {
    following ??= followShared();
    following.catch((error: unknown) => {
      following = undefined;
      link.log.warn(
        { ...of, error: messageOf(error) },
        "keyed tasks that name no lane cannot be followed",
      );
    });
  };
  try {
    const forget = await settings.follow(laneSettings, of.agent, (setting) => {
      split = setting.split;
      if (shared) shared.review();
      else if (split?.partitions.includes(of.lane)) share();
    });
    stops.push(forget);
    if (of.lane === defaultLane) share();
    await following;
  } catch (error) {
    stop();
    throw error;
  }
  return { stop };
}

// A relay passes on what a stream carries: for each message it does what that calls for, in whichever process
// has a hand free. Any number of processes run the same relay and share its work, for they share a durable
// consumer. The movers of timers and the followers of machines' calls are relays.
//
//     const relay = await startRelay(link, { stream, name, filter, ackWaitMs, slots, trouble }, pass);
//     await relay.stop();
//
// 1. R3: a message is acknowledged only when `pass` has resolved, which means that its effect is on the log.
// 2. A message that could not be passed on is tried again a moment later, here or elsewhere, for ever; it holds up
//    no other. So `pass` throws only what may go away by itself, and is harmless twice.
// 3. R7: whoever may write there may write anything. A message of what cannot be, such as a task whose name fits into no
//    subject, is dropped.
import { hasCode, messageOf, type ErrorCode } from "../../protocol/errors.js";
import type { Link } from "../connection/connection.js";
import { PriorityConsumer } from "./consumer.js";
import type { Delivery } from "./delivery.js";
import { ensureConsumer, type PullConsumer } from "./pull.js";

const tryAgainMs = 1_000;
const impossible: readonly ErrorCode[] = [
  "ARGUMENT_INVALID",
  "MESSAGE_UNREADABLE",
];

/** Of its consumer: where it reads, and under which name all processes share it. */
interface RelayOptions extends Omit<PullConsumer, "maxInHand"> {
  /** So many are under way at once in this process. */
  slots: number;
  /** How the log names it when one could not be passed on. */
  trouble: string;
}

export interface Relay {
  /** Takes nothing more; what is under way goes on. */
  stop(): Promise<void>;
}

export async function startRelay(
  link: Link,
  { slots, trouble, ...place }: RelayOptions,
  pass: (delivery: Delivery) => Promise<void>,
): Promise<Relay> {
  const pull = { ...place, maxInHand: -1 };
  await ensureConsumer(link, pull);
  const tryToPass = async (delivery: Delivery): Promise<void> => {
    try {
      await pass(delivery);
      delivery.acknowledge();
    } catch (error) {
      const isImpossible = hasCode(error, ...impossible);
      link.log.warn(
        { error: messageOf(error), subject: delivery.subject },
        `${trouble}; it is ${isImpossible ? "dropped" : "tried again"}`,
      );
      if (isImpossible) delivery.acknowledge();
      else delivery.retryIn(tryAgainMs);
    } finally {
      consumer.release();
    }
  };
  const consumer = new PriorityConsumer(
    link,
    slots,
    (delivery) => void tryToPass(delivery),
  );
  consumer.add(pull, 1);
  return consumer;
}

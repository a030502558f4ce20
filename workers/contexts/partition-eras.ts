// Which deliveries of a partition came to this instance: its consumer counts them, to whomever they go. While the
// count has no gap, nobody else has handled a message of the partition, and what is known of its contexts holds.
import type { Delivery } from "../../bus/delivery/delivery.js";
import { tokenAt } from "../../protocol/tokens.js";

interface Partition {
  last: number;
  era: number;
}

export class PartitionEras {
  readonly #partitions = new Map<string, Partition>();
  #count = 0;

  /** The era of its partition. A new one begins where deliveries went elsewhere. */
  of(delivery: Delivery): number {
    const name = partitionOf(delivery);
    const sequence = delivery.consumerSequence;
    const known = this.#partitions.get(name);
    if (known && known.last + 1 === sequence && delivery.count === 1) {
      known.last = sequence;
      return known.era;
    }
    const era = ++this.#count;
    this.#partitions.set(name, { last: sequence, era });
    return era;
  }

  /** Somebody else has written to one of its contexts. */
  renew(delivery: Delivery): number {
    const known = this.#partitions.get(partitionOf(delivery));
    const era = ++this.#count;
    if (known) known.era = era;
    return era;
  }

  /** The server may have counted anew. */
  forget(): void {
    this.#partitions.clear();
  }
}

/** Lanes have partitions of the same numbers, and an instance may serve those of main besides its own. */
const partitionOf = ({ subject }: Delivery): string =>
  `${tokenAt(subject, 3)}.${tokenAt(subject, 4)}`;

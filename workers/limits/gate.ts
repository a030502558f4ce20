// The gate of a skill: a task passes when all policies let it pass and a slot is free. Until then it waits here
// for a moment, without a slot, so that the agent's other skills go on; or it is turned away.
//
// 1. What a policy gives is taken only when all are free, in one go: a task that waits for one of them holds
//    nothing of the others.
// 2. Levels share what is let through 8:4:2:1, as they share slots (R6); within a level the longest here goes
//    first, but one whose part is not free does not keep back those of other parts.
// 3. When the room is full, the part that has most in it gives way to the others, in the lowest level that it
//    stands in.
// 4. Nothing here turns in circles: a pass is made when something comes, goes, or becomes free.
import { CreditSplitter } from "../../bus/delivery/priority.js";
import type { TroupeError } from "../../protocol/errors.js";
import { levels, levelWeights, type Level } from "../../protocol/levels.js";
import type { Leave, Policy, Verdict } from "./policy.js";
import { Room, type Waiting } from "./room.js";

/** What waits for the gate: a task, or a request that nobody stored. */
interface Visitor {
  readonly level: Level;
  /** To which part it belongs, for each policy. */
  readonly parts: readonly string[];
  /** Requests have no slot. */
  readonly needsSlot: boolean;
  /** How long it may wait here. */
  readonly patienceMs: number;
}

export interface Slots {
  /** One more may be taken. */
  readonly isFree: boolean;
  take(): void;
  release(): void;
}

export type Passage =
  | { passed: true; leave: Leave }
  | { passed: false; waitMs: number; why: TroupeError };

interface Guest extends Waiting {
  readonly visitor: Visitor;
  readonly settle: (passage: Passage) => void;
}

const lookMs = 100;

export class Gate {
  readonly #policies: readonly Policy[];
  readonly #slots: Slots;
  readonly #capacity: number;
  readonly #splitter = new CreditSplitter(
    levels.map((level) => levelWeights[level]),
  );
  readonly #rooms = levels.map(() => new Room<Guest>());
  /** For how many tasks each policy was last asked, by part. */
  #asked = new Map<Policy, Map<string, number>>();
  #size = 0;
  #look: NodeJS.Timeout | undefined;
  #passing = false;
  #closed = false;

  /** Policies in the order in which a task asks them: what is dear to give back comes last. */
  constructor(policies: readonly Policy[], slots: Slots, capacity: number) {
    this.#policies = policies;
    this.#slots = slots;
    this.#capacity = capacity;
  }

  /** At once where it can be told at once. A visitor that must wait gives its slot away meanwhile. */
  enter(visitor: Visitor): Passage | Promise<Passage> {
    if (this.#closed) return this.#turnAway(visitor, 0);
    if (this.#size === 0 && this.#obstacle(visitor) === undefined)
      return this.#pass(visitor);
    const waitMs = this.#waitMs(visitor);
    if (waitMs > visitor.patienceMs) return this.#turnAway(visitor, waitMs);
    return new Promise((settle) => {
      if (visitor.needsSlot) this.#slots.release();
      const name = visitor.parts.join("\n");
      const since = performance.now();
      const until = since + visitor.patienceMs;
      this.#add({ visitor, settle, name, since, until });
      this.onFree();
    });
  }

  /** Something may pass that could not before. */
  readonly onFree = (): void => {
    if (this.#size === 0 || this.#passing) return;
    this.#passing = true;
    setImmediate(() => {
      this.#passing = false;
      this.#letPass();
    });
  };

  /** After it was closed. */
  open(): void {
    this.#closed = false;
  }

  /** All that wait are turned away, and whoever still comes. */
  close(): void {
    this.#closed = true;
    this.#turnOutOlder(Number.POSITIVE_INFINITY);
    this.#settleLook();
  }

  #letPass(): void {
    const wants = this.#rooms.map(({ size }) => size);
    for (;;) {
      const rank = this.#splitter.split(1, wants).indexOf(1);
      if (rank === -1) break;
      const guest = this.#rooms[rank]!.takeFirst((each) => this.#canPass(each));
      wants[rank] = guest ? wants[rank]! - 1 : 0;
      if (!guest) continue;
      this.#size--;
      if (guest.visitor.needsSlot) this.#slots.take();
      guest.settle(this.#pass(guest.visitor));
    }
    this.#askForMore();
    this.#settleLook();
  }

  #canPass({ visitor }: Guest): boolean {
    if (visitor.needsSlot && !this.#slots.isFree) return false;
    return this.#obstacle(visitor) === undefined;
  }

  /** The first policy that does not let it pass. */
  #obstacle({ parts }: Visitor): Policy | undefined {
    return this.#policies.find((policy, at) => !policy.isFree(parts[at]!));
  }

  #pass({ parts }: Visitor): Passage {
    const leaves = this.#policies.map((policy, at) => policy.enter(parts[at]!));
    const leave = (verdict: Verdict) => {
      for (const each of leaves) each(verdict);
      this.onFree();
    };
    return { passed: true, leave };
  }

  /** Each policy hears how many wait for it alone, and when none does any more. */
  #askForMore(): void {
    const asked = new Map<Policy, Map<string, number>>();
    for (const room of this.#rooms)
      for (const { head, count } of room.heads()) {
        const { visitor } = head;
        if (visitor.needsSlot && !this.#slots.isFree) continue;
        const policy = this.#obstacle(visitor);
        if (!policy) continue;
        const part = visitor.parts[this.#policies.indexOf(policy)]!;
        const counts = asked.get(policy) ?? new Map<string, number>();
        asked.set(policy, counts.set(part, (counts.get(part) ?? 0) + count));
      }
    const before = this.#asked;
    this.#asked = asked;
    for (const [policy, counts] of before)
      for (const part of counts.keys())
        if (!asked.get(policy)?.has(part)) policy.wanted(part, 0);
    for (const [policy, counts] of asked)
      for (const [part, count] of counts) policy.wanted(part, count);
  }

  #waitMs(visitor: Visitor): number {
    return this.#longest(visitor)?.waitMs ?? 0;
  }

  /** Of what keeps it, that which will do so longest: the reason that is worth telling. */
  #longest({
    parts,
  }: Visitor): { waitMs: number; why: () => TroupeError } | undefined {
    let longest: { waitMs: number; why: () => TroupeError } | undefined;
    for (const [at, policy] of this.#policies.entries()) {
      const part = parts[at]!;
      if (policy.isFree(part)) continue;
      const waitMs = policy.waitMs(part);
      if (longest === undefined || waitMs > longest.waitMs)
        longest = { waitMs, why: () => policy.refusal(part) };
    }
    return longest;
  }

  #turnAway(visitor: Visitor, waitMs: number): Passage {
    const why = this.#longest(visitor)?.why();
    const first = () => this.#policies[0]!.refusal(visitor.parts[0]!);
    return { passed: false, waitMs, why: why ?? first() };
  }

  /** As one that waited, and has no slot any more. */
  #turnOut({ visitor, settle }: Guest, waitMs: number): void {
    this.#size--;
    settle(this.#turnAway(visitor, waitMs));
  }

  #add(guest: Guest): void {
    this.#rooms[levels.indexOf(guest.visitor.level)]!.add(guest);
    this.#size++;
    this.#look ??= setInterval(() => this.#turnOutLate(), lookMs);
    if (this.#size > this.#capacity) this.#makeRoom();
  }

  /** Takes the newest of the part that has most here, in its lowest level. */
  #makeRoom(): void {
    const counts = new Map<string, number>();
    for (const room of this.#rooms)
      for (const { head, count } of room.heads())
        counts.set(head.name, (counts.get(head.name) ?? 0) + count);
    const [fullest] = [...counts].reduce((a, b) => (b[1] > a[1] ? b : a));
    for (const room of this.#rooms.toReversed()) {
      const guest = room.takeNewest(fullest);
      if (guest) return this.#turnOut(guest, this.#waitMs(guest.visitor));
    }
  }

  #turnOutLate(): void {
    this.#turnOutOlder(performance.now());
    this.onFree();
    this.#settleLook();
  }

  /** Those whose patience ended before then. */
  #turnOutOlder(then: number): void {
    for (const room of this.#rooms)
      for (const guest of room.takeLate(then))
        this.#turnOut(guest, this.#closed ? 0 : this.#waitMs(guest.visitor));
  }

  #settleLook(): void {
    if (this.#size > 0) return;
    clearInterval(this.#look);
    this.#look = undefined;
    if (this.#asked.size > 0) this.#askForMore();
  }
}

// The time by which instances share what they may use. It is the server's as well as we know it, but never
// behind what another instance has written: so all count by the clock that is ahead. A clock that is set back
// would else shut the tap until time has caught up; one that is set ahead fills it once, and no more.

interface Clock {
  now(): number;
}

export class LogicalClock {
  readonly #clock: Clock;
  #aheadMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now() + this.#aheadMs;
  }

  /** Another instance has seen this time already. */
  advanceTo(time: number): void {
    const behindMs = time - this.now();
    if (behindMs > 0) this.#aheadMs += behindMs;
  }
}

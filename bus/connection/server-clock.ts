// The server's clock, told by the offset last seen between it and ours.
//
// 1. Between two looks at the server we count steadily: a clock that is set while we run moves no deadline.
// 2. Date and steady count drift apart when a clock was set or the machine slept. Which of the two is still
//    right only the server knows, so it is asked again.

/** What our clock would say had nobody set it since this process began. */
export function steadyTime(): number {
  return performance.timeOrigin + performance.now();
}

const jumpMs = 500;

export class ServerClock {
  #offsetMs = 0;
  #drift = driftNow();
  readonly #onJump: (() => void) | undefined;

  /** `onJump` is to read the server's clock anew. */
  constructor(onJump?: () => void) {
    this.#onJump = onJump;
  }

  now(): number {
    const drift = driftNow();
    if (Math.abs(drift - this.#drift) > jumpMs) {
      this.#drift = drift;
      this.#onJump?.();
    }
    return steadyTime() + this.#offsetMs;
  }

  /** `serverTime` was read some time between `sentAt` and now, both in steady time. */
  adjust(serverTime: string | undefined, sentAt: number): void {
    const server = Date.parse(serverTime ?? "");
    if (!Number.isNaN(server))
      this.#offsetMs = server - (sentAt + steadyTime()) / 2;
  }
}

function driftNow(): number {
  return Date.now() - steadyTime();
}

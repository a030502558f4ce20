/** The server's clock, told by the offset last seen between it and ours. */
export class ServerClock {
  #offsetMs = 0;

  now(): number {
    return Date.now() + this.#offsetMs;
  }

  /** `serverTime` was read some time between `sentAt` and now, on our clock. */
  adjust(serverTime: string | undefined, sentAt: number): void {
    const server = Date.parse(serverTime ?? "");
    if (!Number.isNaN(server))
      this.#offsetMs = server - (sentAt + Date.now()) / 2;
  }
}

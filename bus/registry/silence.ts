// Who was not heard of for too long, by this process's own clock. The server tells of what has aged out, but
// its mark ages as well: whoever was cut off for longer than that would believe in the dead for ever.
//
// Silence counts only while one could have heard: not while the connection is away, nor while this process was
// busy with something else and heard nothing of anybody.
import type { Link } from "../connection/connection.js";

const lookMs = 1_000;

export class Silence {
  readonly #heardAt = new Map<string, number>();
  readonly #patienceMs: number;
  readonly #onSilent: (key: string) => void;
  #listeningSince = performance.now();
  #lookedAt = performance.now();

  constructor(link: Link, patienceMs: number, onSilent: (key: string) => void) {
    this.#patienceMs = patienceMs;
    this.#onSilent = onSilent;
    const timer = setInterval(() => this.#look(link.connected), lookMs);
    timer.unref();
    link.onClose(() => clearInterval(timer));
  }

  heard(key: string): void {
    this.#heardAt.set(key, performance.now());
  }

  forget(key: string): void {
    this.#heardAt.delete(key);
  }

  #look(connected: boolean): void {
    const now = performance.now();
    if (!connected || now - this.#lookedAt > 3 * lookMs)
      this.#listeningSince = now;
    this.#lookedAt = now;
    for (const [key, heardAt] of this.#heardAt)
      if (now - Math.max(heardAt, this.#listeningSince) > this.#patienceMs)
        this.#onSilent(key);
  }
}

// Random values that follow from the task: the same, in the same order, whoever runs its handler again.
import { createHash } from "node:crypto";

export class Draws {
  readonly #seed: string;
  #count = 0;

  constructor(seed: string) {
    this.#seed = seed;
  }

  /** Those of a step: the same for each of its attempts. */
  ofStep(ordinal: number): Draws {
    return new Draws(`${this.#seed}\nstep ${ordinal}`);
  }

  /** Those of its undo: the same for each attempt, however far the handler had come. */
  ofUndo(ordinal: number): Draws {
    return new Draws(`${this.#seed}\nundo ${ordinal}`);
  }

  /** From 0 to 1, without 1. */
  random(): number {
    return this.#draw().readUIntBE(0, 6) / 2 ** 48;
  }

  /** Looks like any other of version 4. */
  uuid(): string {
    const bytes = this.#draw();
    bytes[6] = (bytes[6]! & 0x0f) | 0x40;
    bytes[8] = (bytes[8]! & 0x3f) | 0x80;
    const hex = bytes.toString("hex");
    return [
      hex.slice(0, 8),
      hex.slice(8, 12),
      hex.slice(12, 16),
      hex.slice(16, 20),
      hex.slice(20, 32),
    ].join("-");
  }

  #draw(): Buffer {
    return createHash("sha256")
      .update(`${this.#seed}\n${this.#count++}`)
      .digest();
  }
}

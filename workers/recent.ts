// What came last, and only so much of it: for what spares work while it is remembered, and may be forgotten.
const mostRemembered = 10_000;

export class Recent<Key, Value> {
  /** The newest last. */
  readonly #items = new Map<Key, Value>();

  /** It is the newest now. The oldest is forgotten when there are too many. */
  set(key: Key, value: Value): void {
    this.#items.delete(key);
    this.#items.set(key, value);
    if (this.#items.size > mostRemembered)
      this.#items.delete(this.#items.keys().next().value!);
  }

  get(key: Key): Value | undefined {
    return this.#items.get(key);
  }

  has(key: Key): boolean {
    return this.#items.has(key);
  }

  delete(key: Key): void {
    this.#items.delete(key);
  }
}

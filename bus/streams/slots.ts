// What is under way, each in a numbered place that is used again.
//
// Not a Map or a Set: one that things come to and go from all the time is made anew whenever its table is full of
// what went. Once a table is so old that V8 has moved it to where it seldom collects, so is every one that follows, and
// a discarded one keeps alive what was in it at the time, until the next full collection. Collecting that costs as much
// as all the rest of a task (docs/decisions/0032-what-lives-as-long-as-a-task.md).
export class Slots<Item> {
  readonly #items: (Item | undefined)[] = [];
  readonly #free: number[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Its place, until it is removed. */
  add(item: Item): number {
    const slot = this.#free.pop() ?? this.#items.length;
    this.#items[slot] = item;
    this.#size++;
    return slot;
  }

  at(slot: number): Item | undefined {
    return this.#items[slot];
  }

  /** In a place that is taken. */
  replace(slot: number, item: Item): void {
    this.#items[slot] = item;
  }

  remove(slot: number): void {
    if (this.#items[slot] === undefined) return;
    this.#items[slot] = undefined;
    this.#free.push(slot);
    this.#size--;
  }

  /** In no order; some may be added or removed meanwhile. */
  *[Symbol.iterator](): Generator<Item> {
    for (let slot = 0; slot < this.#items.length; slot++) {
      const item = this.#items[slot];
      if (item !== undefined) yield item;
    }
  }
}

/** The same by name. Its Map is made anew, too, but what a discarded table keeps alive is only names. */
export class SlotMap<Item> {
  readonly #items = new Slots<Item>();
  readonly #slots = new Map<string, number>();

  get size(): number {
    return this.#slots.size;
  }

  get(name: string): Item | undefined {
    const slot = this.#slots.get(name);
    return slot === undefined ? undefined : this.#items.at(slot);
  }

  set(name: string, item: Item): void {
    const slot = this.#slots.get(name);
    if (slot !== undefined) this.#items.replace(slot, item);
    else this.#slots.set(name, this.#items.add(item));
  }

  delete(name: string): void {
    const slot = this.#slots.get(name);
    if (slot === undefined) return;
    this.#slots.delete(name);
    this.#items.remove(slot);
  }

  /** As they were set. */
  *[Symbol.iterator](): Generator<[string, Item]> {
    for (const [name, slot] of this.#slots) yield [name, this.#items.at(slot)!];
  }
}

// Those of one level that wait at a gate, by the parts they belong to. Looking for who may pass costs as much as
// there are parts, however many wait.

export interface Waiting {
  /** Of its parts, all together. */
  readonly name: string;
  readonly since: number;
  /** Then its patience ends. */
  readonly until: number;
}

export class Room<Who extends Waiting> {
  readonly #lines = new Map<string, Who[]>();
  size = 0;

  add(who: Who): void {
    const line = this.#lines.get(who.name);
    if (line) line.push(who);
    else this.#lines.set(who.name, [who]);
    this.size++;
  }

  /** Takes out who has waited longest among the parts that may pass. */
  takeFirst(mayPass: (who: Who) => boolean): Who | undefined {
    let first: Who | undefined;
    for (const [head] of this.#lines.values())
      if (head && (!first || head.since < first.since) && mayPass(head))
        first = head;
    if (first) this.#lines.get(first.name)!.shift();
    if (first) this.#left(first.name);
    return first;
  }

  /** Takes out the newest of a part. */
  takeNewest(name: string): Who | undefined {
    const newest = this.#lines.get(name)?.pop();
    if (newest) this.#left(name);
    return newest;
  }

  /** Takes out those whose patience ended before then. */
  takeLate(then: number): Who[] {
    const late: Who[] = [];
    for (const [name, line] of this.#lines)
      for (let at = line.length - 1; at >= 0; at--) {
        if (line[at]!.until >= then) continue;
        late.push(...line.splice(at, 1));
        this.#left(name);
      }
    return late;
  }

  /** The first of each part, and how many wait for it. */
  *heads(): Generator<{ head: Who; count: number }> {
    for (const line of this.#lines.values())
      yield { head: line[0]!, count: line.length };
  }

  #left(name: string): void {
    this.size--;
    if (this.#lines.get(name)!.length === 0) this.#lines.delete(name);
  }
}

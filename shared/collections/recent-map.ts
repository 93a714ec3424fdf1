/** A map whose keys are in the order of their use: the one that was used last is the last one. */
export class RecentMap<Key, Value> {
  readonly #values = new Map<Key, Value>();
  /** The key that was used last. Nearly always it is used again, and then V8 need not make the table of the map anew. */
  #last: Key | undefined;

  get size(): number {
    return this.#values.size;
  }

  /** Looks at a value, which does not count as a use. */
  get(key: Key): Value | undefined {
    return this.#values.get(key);
  }

  /** Sets a value, and makes its key the last one. */
  use(key: Key, value: Value): void {
    if (key !== this.#last) this.#values.delete(key);
    this.#last = key;
    this.#values.set(key, value);
  }

  delete(key: Key): void {
    this.#values.delete(key);
  }

  /** The keys, from the one that was used the longest time ago. */
  keys(): Iterable<Key> {
    return this.#values.keys();
  }

  /** Deletes the key that was used the longest time ago. */
  deleteOldest(): void {
    for (const key of this.#values.keys()) return void this.#values.delete(key);
  }

  [Symbol.iterator](): Iterator<[Key, Value]> {
    return this.#values[Symbol.iterator]();
  }
}

/** A map whose keys are in the order of their last use. The key that was used last comes last. */
export class RecentMap<Key, Value> {
  readonly #values = new Map<Key, Value>();
  /** The key that was used last. Usually the next use is of the same key. Then nothing is deleted, and V8 rebuilds no table. */
  #last: Key | undefined;

  get size(): number {
    return this.#values.size;
  }

  /** Reads a value. Reading does not count as a use. */
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

  /** The keys. The one that was used the longest time ago comes first. */
  keys(): Iterable<Key> {
    return this.#values.keys();
  }

  /** Deletes the key that was used the longest time ago. */
  deleteOldest(): void {
    const oldest = this.#values.keys().next();
    if (oldest.done !== true) this.#values.delete(oldest.value);
  }

  [Symbol.iterator](): Iterator<[Key, Value]> {
    return this.#values[Symbol.iterator]();
  }
}

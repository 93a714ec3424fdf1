/** A map is not copied more often than that, however few entries it has. */
const LEAST_DELETED = 256;

/**
 * A map for entries that come and go all the time. Use it where the values are large, or lead to much else.
 *
 * A `Map` of V8 (Node 24) moves its entries to a new table again and again while entries are deleted, and each table is linked to the
 * next one. As soon as one of them has outlived a full garbage collection, no later one is collected before the next full one, nor
 * what was in it, so nearly everything that a program allocates for an entry takes the long way through the memory. A copy is linked
 * to nothing.
 */
export class RenewedMap<Key, Value> {
  #entries = new Map<Key, Value>();
  #deleted = 0;

  get size(): number {
    return this.#entries.size;
  }

  get(key: Key): Value | undefined {
    return this.#entries.get(key);
  }

  set(key: Key, value: Value): void {
    this.#entries.set(key, value);
  }

  /** Does nothing if the key is not there. */
  delete(key: Key): void {
    if (!this.#entries.delete(key)) return;
    this.#deleted++;
    if (this.#deleted < LEAST_DELETED || this.#deleted < this.#entries.size) return;
    this.#entries = new Map(this.#entries);
    this.#deleted = 0;
  }

  /** The values as they are now, in the order in which their keys came. */
  values(): Value[] {
    return [...this.#entries.values()];
  }
}

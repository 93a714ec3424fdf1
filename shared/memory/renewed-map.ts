/** A map is copied after this many deletions at the earliest, however few entries it has. */
const LEAST_DELETED = 256;

/**
 * A map for entries that come and go all the time. Use it where the values are large, or lead to much else.
 *
 * While entries are deleted, a `Map` of V8 (Node 24) moves its entries to a new table again and again, and each old table is linked to
 * the next one. Once one table has survived a full garbage collection, the later tables and all that was in them are collected only by
 * full garbage collections too, which are slow. A copy of the map has a table that is linked to no other.
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

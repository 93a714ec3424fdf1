/** Counts things by a key, such as a tenant. A key without any takes no memory. */
export class KeyCounts {
  readonly #counts = new Map<string, number>();

  /** The count of each key that has any. */
  get all(): ReadonlyMap<string, number> {
    return this.#counts;
  }

  /** The count of a key; 0 if it has none. */
  of(key: string): number {
    return this.#counts.get(key) ?? 0;
  }

  /** Counts one more. */
  add(key: string): void {
    this.#counts.set(key, this.of(key) + 1);
  }

  /** Counts one less. A key with none stays at 0. */
  remove(key: string): void {
    const left = this.of(key) - 1;
    if (left > 0) this.#counts.set(key, left);
    else this.#counts.delete(key);
  }
}

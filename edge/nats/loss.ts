/**
 * The loss of a connection, which happens at most once. A promise would not do: a connection lives for days, and a
 * promise would keep every call that waits for the loss in memory.
 */
export class Loss {
  readonly #listeners = new Set<() => void>();
  #happened = false;

  get hasHappened(): boolean {
    return this.#happened;
  }

  /** How many functions listen. */
  get listeners(): number {
    return this.#listeners.size;
  }

  /**
   * Calls `take` once: when the connection is lost, or immediately if it is lost already.
   * @returns a function that stops listening. A second call of that function does nothing
   */
  listen(take: () => void): () => void {
    if (this.#happened) {
      take();
      return () => undefined;
    }
    this.#listeners.add(take);
    return () => void this.#listeners.delete(take);
  }

  /** Tells all listeners that the connection is lost. A second call does nothing. */
  happen(): void {
    this.#happened = true;
    const listeners = [...this.#listeners];
    this.#listeners.clear();
    for (const take of listeners) take();
  }

  /** Returns the result of `call`, or of `instead` if the connection is lost first. Stops listening at the end. */
  race<T, U>(call: Promise<T>, instead: () => U): Promise<T | U> {
    return new Promise((resolve, reject) => {
      const stop = this.listen(() => {
        try {
          resolve(instead());
        } catch (thrown) {
          reject(thrown);
        }
      });
      void call.then(resolve, reject).then(stop);
    });
  }
}

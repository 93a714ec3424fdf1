/**
 * The loss of a connection, which happens at most once. This is not a promise: a connection lives for days, and a promise
 * would keep every call that waits for the loss in memory.
 */
export class Loss {
  readonly #listeners = new Set<() => void>();
  #happened = false;

  /** How many functions listen. */
  get listeners(): number {
    return this.#listeners.size;
  }

  /**
   * Calls `take` once, when the loss happens, or now if it has happened.
   * @returns a function that stops listening; safe to call twice
   */
  listen(take: () => void): () => void {
    if (this.#happened) {
      take();
      return () => undefined;
    }
    this.#listeners.add(take);
    return () => void this.#listeners.delete(take);
  }

  /** Tells all listeners that the connection is lost; safe to call twice. */
  happen(): void {
    this.#happened = true;
    const listeners = [...this.#listeners];
    this.#listeners.clear();
    for (const take of listeners) take();
  }

  /** The result of `call`, or of `instead` if the loss comes first. Stops listening at the end. */
  async race<T, U>(call: Promise<T>, instead: () => U): Promise<T | U> {
    let stop: () => void = () => undefined;
    const lost = new Promise<U>((resolve, reject) => {
      stop = this.listen(() => {
        try {
          resolve(instead());
        } catch (thrown) {
          reject(thrown);
        }
      });
    });
    try {
      return await Promise.race([call, lost]);
    } finally {
      stop();
    }
  }
}

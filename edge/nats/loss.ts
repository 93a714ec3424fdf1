/**
 * The loss of a connection, which happens at most once. Unlike a promise, it lets go of those who stop listening: a
 * connection that lives for days is waited on by every call that is made over it.
 */
export class Loss {
  readonly #listeners = new Set<() => void>();
  #happened = false;

  /** How many are listening. */
  get listeners(): number {
    return this.#listeners.size;
  }

  /** Calls `take` once: when it happens, or at once where it has. @returns what stops the listening; safe to repeat */
  listen(take: () => void): () => void {
    if (this.#happened) {
      take();
      return () => undefined;
    }
    this.#listeners.add(take);
    return () => void this.#listeners.delete(take);
  }

  /** It happens now; safe to repeat. */
  happen(): void {
    this.#happened = true;
    const listeners = [...this.#listeners];
    this.#listeners.clear();
    for (const take of listeners) take();
  }

  /** What `call` comes to, or what `instead` gives when the loss comes first. Nothing is left listening afterwards. */
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

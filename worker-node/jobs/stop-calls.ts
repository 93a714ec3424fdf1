/**
 * Calls many functions when a signal aborts, with one listener on it. A signal looks through all of its listeners for each one that
 * comes or goes, and a host has one for each job that it runs.
 */
export class StopCalls {
  readonly #calls = new WeakMap<AbortSignal, Set<() => void>>();

  /** Calls a function when the signal aborts, unless it is deleted before. A signal that has aborted calls nothing. */
  add(signal: AbortSignal, call: () => void): void {
    this.#of(signal).add(call);
  }

  delete(signal: AbortSignal, call: () => void): void {
    this.#of(signal).delete(call);
  }

  #of(signal: AbortSignal): Set<() => void> {
    const known = this.#calls.get(signal);
    if (known !== undefined) return known;
    const calls = new Set<() => void>();
    this.#calls.set(signal, calls);
    const callAll = (): void => {
      for (const call of calls) call();
    };
    signal.addEventListener('abort', callAll, { once: true });
    return calls;
  }
}

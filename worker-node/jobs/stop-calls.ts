import { RenewedSet } from '../../shared/memory/renewed-set.ts';

/** What is called when a signal aborts. */
interface Listening {
  readonly calls: RenewedSet<() => void>;
  readonly callAll: () => void;
}

/**
 * Calls many functions when a signal aborts, with one listener on it. A signal looks through all of its listeners for each one that
 * comes or goes, and a host has one for each job that it runs.
 */
export class StopCalls {
  readonly #bySignal = new WeakMap<AbortSignal, Listening>();

  /** Calls a function when the signal aborts, unless it is deleted before. A signal that has aborted calls nothing. */
  add(signal: AbortSignal, call: () => void): void {
    (this.#bySignal.get(signal) ?? this.#listenTo(signal)).calls.add(call);
  }

  /** Takes a function back. With the last one, the listener goes too. */
  delete(signal: AbortSignal, call: () => void): void {
    const listening = this.#bySignal.get(signal);
    if (listening === undefined) return;
    listening.calls.delete(call);
    if (listening.calls.size > 0) return;
    signal.removeEventListener('abort', listening.callAll);
    this.#bySignal.delete(signal);
  }

  #listenTo(signal: AbortSignal): Listening {
    const calls = new RenewedSet<() => void>();
    const callAll = (): void => {
      for (const call of calls.values()) if (calls.has(call)) call();
    };
    signal.addEventListener('abort', callAll, { once: true });
    const listening = { calls, callAll };
    this.#bySignal.set(signal, listening);
    return listening;
  }
}

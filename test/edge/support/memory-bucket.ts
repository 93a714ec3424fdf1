import type { BucketChange } from '../../../edge/nats/stored-message.ts';

/** A key-value bucket of JetStream that lives in this process, with one watch at a time. */
export class MemoryBucket {
  readonly #values = new Map<string, Uint8Array>();
  #sequence = 0;
  #take: ((change: BucketChange) => void) | undefined;
  #onEnd: () => void = () => undefined;

  get(key: string): Uint8Array | undefined {
    return this.#values.get(key);
  }

  /** Sets a key, or deletes it (undefined). @param silently the watch does not get the change yet */
  put(key: string, value: Uint8Array | undefined, silently?: 'silently'): void {
    if (value === undefined) this.#values.delete(key);
    else this.#values.set(key, value);
    if (silently === undefined) this.#tell(key, value);
  }

  watch(take: (change: BucketChange) => void, onEnd: () => void): void {
    this.#take = take;
    this.#onEnd = onEnd;
    for (const [key, value] of [...this.#values]) this.#tell(key, value);
  }

  /** Ends the watch, as when its consumer is lost. */
  endWatch(): void {
    if (this.#take === undefined) return;
    this.#take = undefined;
    this.#onEnd();
  }

  #tell(key: string, value: Uint8Array | undefined): void {
    try {
      this.#take?.({ key, value, sequence: ++this.#sequence });
    } catch {
      // The client ends a watch whose reader throws.
      this.endWatch();
    }
  }
}

import type { Baggage, BaggageEntry } from '@opentelemetry/api';

/**
 * OpenTelemetry's `Baggage` as one `Map`. The class of OpenTelemetry's API stores the entries in a plain object, which
 * moves keys that look like numbers to the front, and treats a key named `__proto__` as special. This class is
 * immutable: the caller must not change the map any more.
 */
export class BaggageEntries implements Baggage {
  readonly #entries: ReadonlyMap<string, BaggageEntry>;

  constructor(entries: ReadonlyMap<string, BaggageEntry>) {
    this.#entries = entries;
  }

  getEntry(key: string): BaggageEntry | undefined {
    const entry = this.#entries.get(key);
    return entry && { ...entry };
  }

  getAllEntries(): [string, BaggageEntry][] {
    return [...this.#entries];
  }

  setEntry(key: string, entry: BaggageEntry): Baggage {
    return new BaggageEntries(new Map(this.#entries).set(key, entry));
  }

  removeEntry(key: string): Baggage {
    return this.removeEntries(key);
  }

  removeEntries(...keys: string[]): Baggage {
    const entries = new Map(this.#entries);
    for (const key of keys) entries.delete(key);
    return new BaggageEntries(entries);
  }

  clear(): Baggage {
    return new BaggageEntries(new Map());
  }
}

import { EMPTY_ENTRY, type LimitEntry } from '../../../shared/wire/limit-entry.ts';
import type { LimitStore, StoredEntry } from '../../broker/limits/limit-store.ts';
import type { Refusal } from './entry.ts';

/** Makes a new entry of the newest one. @param now epoch milliseconds */
export type Change = (entry: LimitEntry, now: number) => Changed;

interface Changed {
  readonly entry: LimitEntry;
  /** Why the change did not happen. */
  readonly refusal?: Refusal;
}

/** A change that waits to be written. */
interface Edit {
  readonly change: Change;
  readonly done: (refusal: Refusal | undefined) => void;
  readonly failed: (thrown: unknown) => void;
}

/** Writes the changes of one entry. Changes that come while one is being written are written together. */
export class EntryWriter {
  readonly #store: LimitStore;
  readonly #subject: string;
  #keepMs: number;
  #known: StoredEntry = { entry: EMPTY_ENTRY, revision: 0 };
  #isStale = true;
  #edits: Edit[] = [];
  #isWriting = false;

  /** @param keepMs for how long an entry is kept after a write */
  constructor(store: LimitStore, subject: string, keepMs: number) {
    this.#store = store;
    this.#subject = subject;
    this.#keepMs = keepMs;
  }

  get isWriting(): boolean {
    return this.#isWriting;
  }

  /** From now on entries are kept for at least so long. */
  keepFor(ms: number): void {
    this.#keepMs = Math.max(this.#keepMs, ms);
  }

  /** Another host may have written the entry: the next change reads it first. */
  readAgain(): void {
    this.#isStale = true;
  }

  /**
   * Changes the entry.
   * @returns the refusal of the change; undefined: it is written
   * @throws ThroughlineError `broker-unavailable`
   */
  change(change: Change): Promise<Refusal | undefined> {
    return new Promise((done, failed) => {
      this.#edits.push({ change, done, failed });
      if (!this.#isWriting) void this.#writeAll();
    });
  }

  async #writeAll(): Promise<void> {
    this.#isWriting = true;
    while (this.#edits.length > 0) {
      const edits = this.#edits;
      this.#edits = [];
      try {
        const refusals = await this.#apply(edits);
        for (const [place, { done }] of edits.entries()) done(refusals[place]);
      } catch (thrown) {
        this.#isStale = true;
        for (const { failed } of edits) failed(thrown);
      }
    }
    this.#isWriting = false;
  }

  /** Applies changes to the newest entry, again and again until no other host writes in between. */
  async #apply(edits: readonly Edit[]): Promise<(Refusal | undefined)[]> {
    for (;;) {
      if (this.#isStale) {
        this.#isStale = false;
        this.#known = await this.#store.read(this.#subject);
      }
      const { entry: before, revision } = this.#known;
      let entry = before;
      const refusals = edits.map(({ change }) => {
        const changed = change(entry, Date.now());
        entry = changed.entry;
        return changed.refusal;
      });
      if (entry === before) return refusals;
      const written = await this.#store.write(this.#subject, { entry, revision }, this.#keepMs);
      if (written !== undefined) {
        this.#known = { entry, revision: written };
        return refusals;
      }
      this.#isStale = true;
    }
  }
}

import { describeThrown } from '../../../shared/errors.ts';
import { startInterval, startTimer, type Timer } from '../../../shared/timers.ts';
import { EMPTY_ENTRY, type LimitEntry } from '../../../shared/wire/limit-entry.ts';
import type { LimitStore, StoredEntry } from '../../broker/limits/limit-store.ts';
import type { WorkerLogger } from '../../log.ts';
import { confirm, forgo, type Refusal, release, renew, take, type Wish } from './entry.ts';

/** How many times a place is renewed within its lease. */
const RENEWALS = 3;
/** How often the entry is read, at least, while attempts wait here: a message about a write may be lost. */
const RECHECK_MS = 1_000;
/** Another host's write is announced before it is stored. So the entry is read again after this time. */
const ECHO_MS = 50;
/** An entry is kept for longer than it counts, since clocks differ. */
const SPARE_MS = 60_000;

interface LimitedKeyParts {
  readonly store: LimitStore;
  /** How long a place lasts unless it is renewed, in milliseconds. */
  readonly leaseMs: number;
  readonly log: Pick<WorkerLogger, 'warn'>;
}

/** A change of the entry that waits to be written. */
interface Edit {
  readonly change: (entry: LimitEntry, now: number) => Changed;
  readonly done: (refusal: Refusal | undefined) => void;
  readonly failed: (thrown: unknown) => void;
}

interface Changed {
  readonly entry: LimitEntry;
  readonly refusal?: Refusal;
}

/** A refusal, with the number of changes that this host had heard of until then. */
export interface NumberedRefusal extends Refusal {
  readonly change: number;
}

/**
 * The entry of one limit's key, as this host sees and changes it. Changes that come while one is being written are written
 * together. Attempts that are refused may wait here, in order, until a place may be free.
 */
export class LimitedKey {
  readonly #subject: string;
  readonly #parts: LimitedKeyParts;
  readonly #holders = new Set<string>();
  readonly #waiting: (() => void)[] = [];
  readonly #unwatch: () => void;
  #known: StoredEntry = { entry: EMPTY_ENTRY, revision: 0 };
  #isStale = true;
  #changes = 0;
  #blockedUntil = 0;
  #lastRefusal: Refusal | undefined;
  #keepMs: number;
  #edits: Edit[] = [];
  #isWriting = false;
  #renewal: Timer | undefined;
  #recheck: Timer | undefined;
  #echo: Timer | undefined;

  /** @param subject the subject of the entry: `entrySubject` */
  constructor(subject: string, parts: LimitedKeyParts) {
    this.#subject = subject;
    this.#parts = parts;
    this.#keepMs = parts.leaseMs + SPARE_MS;
    this.#unwatch = parts.store.watch(subject, () => this.#hear());
  }

  /** How many attempts wait here. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Why an attempt that comes now has to wait, if others wait here already. */
  get queue(): NumberedRefusal | undefined {
    if (this.#waiting.length === 0 || this.#lastRefusal === undefined) return undefined;
    return { ...this.#lastRefusal, change: this.#changes };
  }

  /** Until when no attempt can start, in milliseconds; in the past if that is not known. */
  get blockedUntil(): number {
    return this.#blockedUntil;
  }

  /** Whether nothing of this host needs the entry now. */
  get isIdle(): boolean {
    return !this.#isWriting && this.#waiting.length === 0 && this.#holders.size === 0;
  }

  /** Ends the subscription and the timers. */
  close(): void {
    this.#unwatch();
    this.#renewal?.stop();
    this.#recheck?.stop();
    this.#echo?.stop();
  }

  /**
   * Takes what an attempt needs.
   * @returns why it has to wait; undefined if it may start now
   * @throws ThroughlineError `broker-unavailable`
   */
  async take(wish: Wish): Promise<NumberedRefusal | undefined> {
    const { leaseMs } = this.#parts;
    let change = 0;
    this.#keepMs = Math.max(this.#keepMs, (wish.rate?.periodMs ?? 0) + leaseMs + SPARE_MS);
    const refusal = await this.#edit((entry, now) => {
      const answer = take(entry, wish, now, leaseMs);
      change = this.#changes;
      return 'entry' in answer ? answer : { entry, refusal: answer.refusal };
    });
    if (refusal === undefined) {
      if (wish.places !== undefined) this.#hold(wish.id);
      // As far as this host knows, the next attempt may start too.
      this.#wakeNext();
      return undefined;
    }
    this.#recheckAt(refusal.freeAt);
    this.#lastRefusal = refusal;
    if (refusal.by === 'rateLimit') this.#blockedUntil = refusal.freeAt;
    return { ...refusal, change };
  }

  /** Says that an attempt has started. Its start counts from now, and no longer from the end of its lease. */
  confirm(id: string): void {
    this.#write((entry, now) => ({ entry: confirm(entry, id, now) }));
  }

  /** Gives the place of an attempt back. */
  release(id: string): void {
    this.#drop(id);
    this.#write((entry) => ({ entry: release(entry, id) }));
  }

  /** Gives back all that an attempt took which does not start. */
  forgo(id: string): void {
    this.#drop(id);
    this.#write((entry) => ({ entry: forgo(entry, id) }));
  }

  /**
   * Waits until an attempt may be able to start. Those that came first are woken first.
   * @param isBack whether the attempt waited before, and was refused again. It keeps its place in the order
   */
  async wait({ change }: NumberedRefusal, signal: AbortSignal, isBack: boolean): Promise<void> {
    if (signal.aborted || change !== this.#changes) return;
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        signal.removeEventListener('abort', leave);
        resolve();
      };
      const leave = (): void => {
        const place = this.#waiting.indexOf(wake);
        if (place !== -1) this.#waiting.splice(place, 1);
        // It may have been woken for a place that it does not take now.
        this.#wakeNext();
        resolve();
      };
      signal.addEventListener('abort', leave, { once: true });
      if (isBack) this.#waiting.unshift(wake);
      else this.#waiting.push(wake);
    });
  }

  #wakeNext(): void {
    this.#changes++;
    this.#waiting.shift()?.();
  }

  /** Somebody wrote the entry, so a place may be free. */
  #hear(): void {
    this.#isStale = true;
    this.#wakeNext();
    this.#echo?.stop();
    this.#echo = startTimer(ECHO_MS, () => {
      this.#isStale = true;
      this.#wakeNext();
    });
  }

  /** Wakes the next attempt when a place is free by its lease or its period, or after a while. */
  #recheckAt(freeAt: number): void {
    this.#recheck?.stop();
    const inMs = Math.max(0, freeAt - Date.now());
    this.#recheck = startTimer(Math.min(RECHECK_MS, inMs), () => {
      // What is free by its time is known without a read.
      if (inMs > RECHECK_MS) this.#isStale = true;
      if (this.#waiting.length === 0) return;
      this.#recheckAt(Number.POSITIVE_INFINITY);
      this.#wakeNext();
    });
  }

  #hold(id: string): void {
    this.#holders.add(id);
    this.#renewal ??= startInterval(this.#parts.leaseMs / RENEWALS, () => this.#renew());
  }

  #drop(id: string): void {
    this.#holders.delete(id);
    if (this.#holders.size > 0) return;
    this.#renewal?.stop();
    this.#renewal = undefined;
  }

  #renew(): void {
    const { leaseMs } = this.#parts;
    this.#write((entry, now) => ({ entry: renew(entry, new Set(this.#holders), now + leaseMs) }));
  }

  /** Changes the entry in the background. If that fails, what was taken counts as taken for longer than it should. */
  #write(change: Edit['change']): void {
    this.#edit(change).then(
      () => this.#wakeNext(),
      (thrown: unknown) =>
        this.#parts.log.warn({ reason: describeThrown(thrown) }, 'the entry of a limit was not written'),
    );
  }

  #edit(change: Edit['change']): Promise<Refusal | undefined> {
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
    const { store } = this.#parts;
    for (;;) {
      if (this.#isStale) {
        this.#isStale = false;
        this.#known = await store.read(this.#subject);
      }
      const { entry: before, revision } = this.#known;
      let entry = before;
      const refusals = edits.map(({ change }) => {
        const changed = change(entry, Date.now());
        entry = changed.entry;
        return changed.refusal;
      });
      if (entry === before) return refusals;
      const written = await store.write(this.#subject, { entry, revision }, this.#keepMs);
      if (written !== undefined) {
        this.#known = { entry, revision: written };
        return refusals;
      }
      this.#isStale = true;
    }
  }
}

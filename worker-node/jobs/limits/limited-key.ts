import { describeThrown } from '../../../shared/errors.ts';
import { startInterval, startTimer, type Timer } from '../../../shared/timers.ts';
import type { LimitStore } from '../../broker/limits/limit-store.ts';
import type { WorkerLogger } from '../../log.ts';
import { Countdown } from './countdown.ts';
import { confirm, forgo, type LimitKind, release, renew, take, type Wish } from './entry.ts';
import { type Change, EntryWriter } from './entry-writer.ts';

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

/** Why an attempt has to wait. */
export interface NumberedRefusal {
  readonly by: LimitKind;
  /** In how many milliseconds it may start, if nothing happens until then. */
  readonly inMs: number;
  /** The number of changes that this host had heard of until then. */
  readonly change: number;
}

/**
 * One limit's key, as this host sees it: takes places and starts, renews places, and gives them back. Attempts that are refused may
 * wait here, in order, until a place may be free.
 */
export class LimitedKey {
  readonly #parts: LimitedKeyParts;
  readonly #writer: EntryWriter;
  readonly #holders = new Set<string>();
  readonly #waiting: (() => void)[] = [];
  readonly #unwatch: () => void;
  /** How often something happened after which an attempt might start. */
  #changes = 0;
  /** How long no attempt can start, since its limit of rate is reached. */
  #blocked = new Countdown(0);
  #lastRefusal: { readonly by: LimitKind; readonly free: Countdown } | undefined;
  #renewal: Timer | undefined;
  #recheck: Timer | undefined;
  #echo: Timer | undefined;

  /** @param subject the subject of the entry: `entrySubject` */
  constructor(subject: string, parts: LimitedKeyParts) {
    this.#parts = parts;
    this.#writer = new EntryWriter(parts.store, subject, parts.leaseMs + SPARE_MS);
    this.#unwatch = parts.store.watch(subject, () => this.#hear());
  }

  /** How many attempts wait here. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Why an attempt that comes now has to wait, if others wait here already. */
  get queue(): NumberedRefusal | undefined {
    if (this.#waiting.length === 0 || this.#lastRefusal === undefined) return undefined;
    const { by, free } = this.#lastRefusal;
    return { by, inMs: free.leftMs, change: this.#changes };
  }

  /** For how many milliseconds no attempt can start; 0 if that is not known. */
  get blockedMs(): number {
    return this.#blocked.leftMs;
  }

  /** Whether nothing of this host needs the entry now. */
  get isIdle(): boolean {
    return !this.#writer.isWriting && this.#waiting.length === 0 && this.#holders.size === 0;
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
    let free = new Countdown(0);
    const periodMs = wish.rate?.periodMs ?? 0;
    this.#writer.keepFor(periodMs + leaseMs + SPARE_MS);
    const refusal = await this.#writer.change((entry, now) => {
      const answer = take(entry, wish, now, leaseMs);
      change = this.#changes;
      if ('entry' in answer) return answer;
      // No time in an entry is further ahead, unless a clock was set back since it was written. Such an entry soon expires.
      free = new Countdown(Math.min(answer.refusal.freeAt - now, leaseMs + periodMs));
      return { entry, refusal: answer.refusal };
    });
    if (refusal === undefined) {
      if (wish.places !== undefined) this.#hold(wish.id);
      // As far as this host knows, the next attempt may start too.
      this.#wakeNext();
      return undefined;
    }
    const { by } = refusal;
    this.#recheckIn(free.leftMs);
    this.#lastRefusal = { by, free };
    if (by === 'rateLimit') this.#blocked = free;
    return { by, inMs: free.leftMs, change };
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
    this.#writer.readAgain();
    this.#wakeNext();
    this.#echo?.stop();
    this.#echo = startTimer(ECHO_MS, () => {
      this.#writer.readAgain();
      this.#wakeNext();
    });
  }

  /** Wakes the next attempt when a place is free by its lease or its period, or after a while. */
  #recheckIn(inMs: number): void {
    this.#recheck?.stop();
    this.#recheck = startTimer(Math.min(RECHECK_MS, inMs), () => {
      // What is free by its time is known without a read.
      if (inMs > RECHECK_MS) this.#writer.readAgain();
      if (this.#waiting.length === 0) return;
      this.#recheckIn(Number.POSITIVE_INFINITY);
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
  #write(change: Change): void {
    this.#writer.change(change).then(
      () => this.#wakeNext(),
      (thrown: unknown) =>
        this.#parts.log.warn({ reason: describeThrown(thrown) }, 'the entry of a limit was not written'),
    );
  }
}

import { KeyCounts } from '../../shared/collections/key-counts.ts';
import { ThroughlineError } from '../../shared/errors.ts';
import type { Clock } from './clock.ts';

/** The most callers of one schedule that wait for their turn. */
const MAX_WAITING = 32;
/** How long a caller waits for its turn. It is less than `SchedulesClient` waits, so that nothing is done for a caller who has left. */
const WAIT_MS = 2_000;

/** Lets only one piece of work for a schedule run at a time, in the order in which they came. */
export class Turns {
  readonly #clock: Clock;
  /** The end of the last work of each schedule. */
  readonly #ends = new Map<string, Promise<void>>();
  /** How many callers of each schedule wait. */
  readonly #waiting = new KeyCounts();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Does the work when those before it have ended. @throws what `work` throws */
  take<T>(name: string, work: () => Promise<T>): Promise<T> {
    const turn = (this.#ends.get(name) ?? Promise.resolve()).then(work);
    const leave = (): void => {
      if (this.#ends.get(name) === ended) this.#ends.delete(name);
    };
    const ended: Promise<void> = turn.then(leave, leave);
    this.#ends.set(name, ended);
    return turn;
  }

  /**
   * Does the work of a caller who waits for it, if its turn comes soon.
   * @throws ThroughlineError `rate-limited` if too many callers wait, or if the turn comes too late; what `work` throws
   */
  async takeSoon<T>(name: string, work: () => Promise<T>): Promise<T> {
    if (this.#waiting.of(name) >= MAX_WAITING) throw tooMany();
    this.#waiting.add(name);
    const since = this.#clock.now();
    return await this.take(name, () => {
      this.#waiting.remove(name);
      if (this.#clock.now() - since > WAIT_MS) throw tooMany();
      return work();
    });
  }
}

function tooMany(): ThroughlineError {
  const message = 'too many requests to run this schedule wait for their turn; try again in 1 s';
  return new ThroughlineError('rate-limited', message, { retryAfterSeconds: 1 });
}

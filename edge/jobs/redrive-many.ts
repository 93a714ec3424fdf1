import type { RedriveReport } from '../../shared/api/answers/dead-letter.ts';
import { errorFrom } from '../../shared/error-table.ts';
import type { ThroughlineError } from '../../shared/errors.ts';
import { DEAD_STREAM } from '../../shared/nats/streams.ts';
import { headerValues } from '../../shared/wire/headers.ts';
import { readJobSpec } from '../../shared/wire/job-headers.ts';
import { deadLettersFilter } from '../../shared/wire/subjects.ts';
import { REDRIVE_MANY_BUDGET_MS, type RedriveManyCommand } from '../calls/dead-letter-commands.ts';
import type { BrokerSession } from '../nats/broker-session.ts';
import type { StoredMessage } from '../nats/stored-message.ts';
import { deadLetterOf, deadLettersFrom, hasTags } from './dead-letters.ts';
import { type RedriveParts, redriveDeadLetter } from './redrive.ts';

/** How many dead letters of one request are redriven at the same time. */
const AT_ONCE = 25;

/**
 * Redrives many dead letters of a tenant, the oldest first, until `limit` of them were tried, the time is up, a quota of the
 * tenant is used up, or NATS is lost. Only dead letters that existed at the first request are redriven. Some are redriven at the
 * same time, while the next ones are read.
 * @param sinceMs when the request began to wait, in epoch milliseconds
 * @throws ThroughlineError `broker-unavailable`, `quota-exceeded` if there is nothing to report. Otherwise the cursor of the
 *   report leads to the rest
 */
export async function redriveMany(
  parts: RedriveParts,
  session: BrokerSession,
  command: RedriveManyCommand,
  sinceMs = Date.now(),
): Promise<RedriveReport> {
  const counted = parts.usage.refresh(command.tenant);
  const end = endOf(session, command);
  // If NATS is lost, the error of the first dead letter may be thrown, and nobody waits for this one.
  end.catch(() => undefined);
  const redrives = new Redrives({
    redrive: (deadLetter) => tryOne(parts, session, command, deadLetter, counted),
    settled: () => parts.usage.settled(command.tenant),
    until: sinceMs + REDRIVE_MANY_BUDGET_MS,
  });
  let next = command.from;
  try {
    for await (const deadLetter of deadLettersFrom(session, command)) {
      if (deadLetter.sequence > (await end)) break;
      next = deadLetter.sequence;
      if (redrives.begun === command.limit || !(await redrives.mayBegin())) {
        redrives.leave(next);
        break;
      }
      if (isWanted(deadLetter, command)) redrives.begin(deadLetter);
      next++;
    }
  } catch (thrown) {
    redrives.leave(next, thrown);
  }
  const { left, ...report } = await redrives.end();
  return left === undefined ? report : { ...report, cursor: `${left}-${await end}` };
}

/** The last sequence to look at. */
async function endOf(session: BrokerSession, { tenant, operation, to }: RedriveManyCommand): Promise<number> {
  if (to !== undefined) return to;
  return (await session.lastMessage(DEAD_STREAM, deadLettersFilter(tenant, operation)))?.sequence ?? 0;
}

function isWanted(deadLetter: StoredMessage, { reason, tags }: RedriveManyCommand): boolean {
  const letter = deadLetterOf(deadLetter);
  return (reason === undefined || letter.reason === reason) && hasTags(letter, tags);
}

/**
 * Redrives one dead letter.
 * @returns the error if the redrive failed, otherwise undefined
 */
async function tryOne(
  parts: RedriveParts,
  session: BrokerSession,
  command: RedriveManyCommand,
  deadLetter: StoredMessage,
  counted: Promise<void>,
): Promise<ThroughlineError | undefined> {
  try {
    await redriveDeadLetter(parts, session, command, deadLetter, counted);
    return undefined;
  } catch (thrown) {
    const error = errorFrom(thrown);
    if (error.code === 'internal') parts.log.error('a redrive failed', { reason: String(error.cause) });
    return error;
  }
}

interface RedrivesOptions {
  readonly redrive: (deadLetter: StoredMessage) => Promise<ThroughlineError | undefined>;
  /** Waits until the index has counted what was redriven. */
  readonly settled: () => Promise<void>;
  /** No redrive begins later, in epoch milliseconds. */
  readonly until: number;
}

/** What became of a dead letter: nothing yet, or it is left for the next request. */
interface Tried {
  readonly deadLetter: StoredMessage;
  /** The code is that of the error; undefined: it was redriven. */
  outcome?: { readonly code: string | undefined };
  /** How a quota refused it the last time. */
  refusal?: ThroughlineError;
}

/**
 * The redrives of one request, a few at the same time. Those of one ordering key come one after the other, since two messages under
 * way at once may be stored in another order.
 */
class Redrives {
  readonly #options: RedrivesOptions;
  /** The oldest first. */
  readonly #tried: Tried[] = [];
  readonly #underWay = new Set<Promise<void>>();
  /** The last redrive of each ordering key. */
  readonly #lastOfKey = new Map<string, Promise<void>>();
  /** Those that a quota refused while others were under way, and those that came after them. */
  #refused: Tried[] = [];
  /** The first sequence that is left for the next request. */
  #left: number | undefined;
  /** Why. */
  #error: unknown;
  /** Whether the next dead letters would fail too. */
  #isStopped = false;

  constructor(options: RedrivesOptions) {
    this.#options = options;
  }

  get begun(): number {
    return this.#tried.length;
  }

  /** Waits until there is room for one more. @returns false if no more may begin */
  async mayBegin(): Promise<boolean> {
    while (this.#underWay.size >= AT_ONCE) await Promise.race(this.#underWay);
    if (this.#refused.length > 0) await this.#settle();
    return !this.#isOver();
  }

  begin(deadLetter: StoredMessage): void {
    const tried: Tried = { deadLetter };
    this.#tried.push(tried);
    this.#start(tried);
  }

  #start(tried: Tried): void {
    const key = readJobSpec(headerValues(tried.deadLetter.headers)).orderingKey;
    const before = key === undefined ? undefined : this.#lastOfKey.get(key);
    const done = this.#tryAfter(before, tried).finally(() => this.#underWay.delete(done));
    this.#underWay.add(done);
    if (key !== undefined) this.#lastOfKey.set(key, done);
  }

  async #tryAfter(before: Promise<void> | undefined, tried: Tried): Promise<void> {
    await before;
    // One of the same ordering key may have been refused.
    if (this.#refused.length > 0 || (await this.#wasRefused(tried))) this.#refused.push(tried);
  }

  /**
   * Waits for those under way, and tries the refused ones again. A refusal proves nothing while others are under way, since they may
   * count twice. So the oldest is tried alone, when the index has counted the others.
   */
  async #settle(): Promise<void> {
    for (;;) {
      await Promise.all(this.#underWay);
      const [oldest, ...others] = this.#refused.splice(0).sort(bySequence);
      if (oldest === undefined) return;
      await this.#options.settled();
      if (await this.#wasRefused(oldest)) this.#stop(oldest, oldest.refusal);
      for (const other of others) this.#start(other);
    }
  }

  /** Tries one. @returns whether a quota refused it */
  async #wasRefused(tried: Tried): Promise<boolean> {
    const { deadLetter, refusal } = tried;
    if (this.#isOver()) {
      this.leave(deadLetter.sequence, refusal);
      return false;
    }
    const error = await this.#options.redrive(deadLetter);
    if (error?.code === 'quota-exceeded') {
      tried.refusal = error;
      return true;
    }
    // The next ones would fail too.
    if (error?.code === 'broker-unavailable') this.#stop(tried, error);
    else tried.outcome = { code: error?.code };
    return false;
  }

  #stop({ deadLetter }: Tried, error: unknown): void {
    this.#isStopped = true;
    this.leave(deadLetter.sequence, error);
  }

  #isOver(): boolean {
    return this.#isStopped || Date.now() > this.#options.until;
  }

  /** Leaves the dead letters from a sequence on for the next request. @param error why, if there was one */
  leave(sequence: number, error?: unknown): void {
    this.#left = Math.min(sequence, this.#left ?? sequence);
    this.#error ??= error;
  }

  /**
   * Waits for all redrives.
   * @returns what was done, and the first sequence that is left. Those that failed after it will be tried again, and are not
   *   reported yet
   * @throws why the first ones were left, if nothing was done. Otherwise the report must say what was done before
   */
  async end(): Promise<Pick<RedriveReport, 'redriven' | 'failed'> & { readonly left: number | undefined }> {
    await this.#settle();
    const redriven: string[] = [];
    const failed: { id: string; code: string }[] = [];
    for (const { deadLetter, outcome } of this.#tried) {
      if (outcome === undefined) continue;
      const { id } = deadLetterOf(deadLetter);
      if (outcome.code === undefined) redriven.push(id);
      else if (deadLetter.sequence < (this.#left ?? Number.POSITIVE_INFINITY))
        failed.push({ id, code: outcome.code });
    }
    if (this.#error !== undefined && redriven.length + failed.length === 0) throw this.#error;
    return { redriven, failed, left: this.#left };
  }
}

function bySequence({ deadLetter: a }: Tried, { deadLetter: b }: Tried): number {
  return a.sequence - b.sequence;
}

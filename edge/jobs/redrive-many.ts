import type { RedriveReport } from '../../shared/api/answers/dead-letter.ts';
import { errorFrom, loggedReason } from '../../shared/error-table.ts';
import type { ErrorCode, ThroughlineError } from '../../shared/errors.ts';
import { headerValues } from '../../shared/wire/headers.ts';
import { readJobSpec } from '../../shared/wire/job-headers.ts';
import { REDRIVE_MANY_BUDGET_MS, type RedriveManyCommand } from '../calls/dead-letter-commands.ts';
import type { BrokerSession } from '../nats/broker-session.ts';
import type { StoredMessage } from '../nats/stored-message.ts';
import { deadLetterOf, hasTags, pageOf, readDeadLetters } from './dead-letters.ts';
import { type RedriveParts, redriveDeadLetter } from './redrive.ts';

/** The most bytes of bodies that one request holds. The dead letters of a page are published at the same time. */
const PAGE_BYTES = 4 * 1024 * 1024;
/** Errors after which the next dead letters would fail too. */
const STOPS: readonly ErrorCode[] = ['stream-full', 'broker-unavailable', 'broker-refused'];

/**
 * Redrives many dead letters of a tenant, the oldest first: page by page, and those of a page at the same time. It ends after
 * `limit` dead letters, when the time is up, or when the next ones would fail too: a quota of the tenant is used up, the queue is
 * full, or NATS is lost. The cursor of the report leads to the first dead letter that is left. Only those that existed at the first
 * request are redriven.
 * @param sinceMs when the request began to wait, in epoch milliseconds
 * @throws ThroughlineError why it ended, if there is nothing to report: `broker-unavailable`, `broker-refused`, `stream-full`,
 *   `quota-exceeded`
 */
export async function redriveMany(
  parts: RedriveParts,
  session: BrokerSession,
  command: RedriveManyCommand,
  sinceMs = Date.now(),
): Promise<RedriveReport> {
  const { tenant, tags, reason, limit } = command;
  const counted = parts.usage.refresh(tenant);
  const maxMessages = pageOf(limit, tags.length > 0 || reason !== undefined);
  const { end, pages } = readDeadLetters(session, command, { maxMessages, maxBytes: PAGE_BYTES });
  const redrives = new Redrives({
    redrive: (deadLetter) => tryOne(parts, session, command, deadLetter, counted),
    settled: () => parts.usage.settled(tenant),
    limit,
    until: sinceMs + REDRIVE_MANY_BUDGET_MS,
  });
  let next = command.from;
  try {
    for await (const page of pages) {
      const last = command.to ?? (await end);
      const inRange = page.filter(({ sequence }) => sequence <= last);
      if (inRange[0] !== undefined && !redrives.mayBegin) redrives.leave(inRange[0].sequence);
      else await redrives.run(inRange.filter((deadLetter) => isWanted(deadLetter, command)));
      if (redrives.isOver || inRange.length < page.length) break;
      next = (page.at(-1)?.sequence ?? next - 1) + 1;
    }
  } catch (thrown) {
    redrives.leave(next, errorOf(thrown, parts));
  }
  const { left, ...report } = redrives.report();
  return left === undefined ? report : { ...report, cursor: `${left}-${command.to ?? (await end)}` };
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
    return errorOf(thrown, parts);
  }
}

/** The error in what was thrown. A fault of ours is logged, since the report has only its code. */
function errorOf(thrown: unknown, { log }: RedriveParts): ThroughlineError {
  const error = errorFrom(thrown);
  if (error.code === 'internal') log.error('a redrive failed', { reason: loggedReason(error) });
  return error;
}

interface RedrivesOptions {
  readonly redrive: (deadLetter: StoredMessage) => Promise<ThroughlineError | undefined>;
  /** Waits until the index has counted what was redriven. */
  readonly settled: () => Promise<void>;
  /** How many redrives may begin. */
  readonly limit: number;
  /** No redrive begins after this time, in epoch milliseconds. */
  readonly until: number;
}

/** What became of a dead letter. Without a code it was redriven. */
interface Outcome {
  readonly sequence: number;
  readonly id: string;
  readonly code: ErrorCode | undefined;
}

/** The redrives of one request. */
class Redrives {
  readonly #options: RedrivesOptions;
  readonly #outcomes: Outcome[] = [];
  #begun = 0;
  /** The error with which a quota last refused a dead letter. */
  readonly #refusals = new Map<StoredMessage, ThroughlineError>();
  /** The first sequence that is left for the next request, and why, if there is a reason. */
  #left: number | undefined;
  #error: ThroughlineError | undefined;

  constructor(options: RedrivesOptions) {
    this.#options = options;
  }

  /** Whether some are left for the next request. No more begin then. */
  get isOver(): boolean {
    return this.#left !== undefined;
  }

  /** Whether there is room and time for more. */
  get mayBegin(): boolean {
    return this.#begun < this.#options.limit && this.#hasTime;
  }

  get #hasTime(): boolean {
    return Date.now() <= this.#options.until;
  }

  /**
   * Redrives dead letters at the same time, and leaves those beyond the limit. Those that a quota refuses are tried again: while
   * others are under way, these may count twice, so a refusal proves nothing. When the index has counted the others, the oldest is
   * tried alone. If it is refused again, it is left.
   */
  async run(deadLetters: readonly StoredMessage[]): Promise<void> {
    const room = this.#options.limit - this.#begun;
    const tooMany = deadLetters[room];
    this.#begun += Math.min(room, deadLetters.length);
    let [oldest, ...others] = await this.#runAtOnce(deadLetters.slice(0, room));
    while (oldest !== undefined) {
      await this.#options.settled();
      if ((await this.#runInTurn([oldest])).length > 0) this.#leave(oldest);
      [oldest, ...others] = await this.#runAtOnce(others);
    }
    if (tooMany !== undefined) this.leave(tooMany.sequence);
  }

  /**
   * Redrives dead letters at the same time, but those of one ordering key one after the other: two messages that are under way at
   * once may be stored in the other order.
   * @returns those that a quota refused, and those of the same key after them, oldest first
   */
  async #runAtOnce(deadLetters: readonly StoredMessage[]): Promise<StoredMessage[]> {
    const turns = Map.groupBy(
      deadLetters,
      (deadLetter) => readJobSpec(headerValues(deadLetter.headers)).orderingKey ?? deadLetter,
    );
    const refused = await Promise.all([...turns.values()].map((turn) => this.#runInTurn(turn)));
    return refused.flat().sort(bySequence);
  }

  /** Redrives dead letters one after the other. @returns the one that a quota refused, and those after it */
  async #runInTurn(deadLetters: readonly StoredMessage[]): Promise<readonly StoredMessage[]> {
    for (const [index, deadLetter] of deadLetters.entries()) {
      if (this.isOver || !this.#hasTime) {
        this.#leave(deadLetter);
        return [];
      }
      const error = await this.#options.redrive(deadLetter);
      if (error?.code === 'quota-exceeded') {
        this.#refusals.set(deadLetter, error);
        return deadLetters.slice(index);
      }
      this.#ended(deadLetter, error);
    }
    return [];
  }

  #ended(deadLetter: StoredMessage, error: ThroughlineError | undefined): void {
    const { sequence } = deadLetter;
    if (error !== undefined && STOPS.includes(error.code)) this.leave(sequence, error);
    else this.#outcomes.push({ sequence, id: deadLetterOf(deadLetter).id, code: error?.code });
  }

  #leave(deadLetter: StoredMessage): void {
    this.leave(deadLetter.sequence, this.#refusals.get(deadLetter));
  }

  /** Leaves the dead letters from a sequence on for the next request. @param error why, if there is a reason */
  leave(sequence: number, error?: ThroughlineError): void {
    this.#left = Math.min(sequence, this.#left ?? sequence);
    this.#error ??= error;
  }

  /**
   * What was done, oldest first, and the first sequence that is left. Those that failed after it will be tried again, and are not
   * reported yet.
   * @throws ThroughlineError why the first ones were left, if nothing was done
   */
  report(): Omit<RedriveReport, 'cursor'> & { readonly left: number | undefined } {
    const [left, error] = [this.#left, this.#error];
    const outcomes = this.#outcomes.sort(bySequence);
    const redriven = outcomes.filter(({ code }) => code === undefined).map(({ id }) => id);
    const failed = outcomes.flatMap(({ sequence, id, code }) =>
      code === undefined || (left !== undefined && sequence > left) ? [] : [{ id, code }],
    );
    if (error === undefined) return { redriven, failed, left };
    if (redriven.length + failed.length === 0) throw error;
    return { redriven, failed, stopped: error.code, left };
  }
}

function bySequence(a: { readonly sequence: number }, b: { readonly sequence: number }): number {
  return a.sequence - b.sequence;
}

import { pause } from '../shared/timers.ts';
import { ApiError, NoAnswerError } from './errors.ts';

const FIRST_MS = 200;
const LONGEST_MS = 2_000;
const GROWTH = 1.5;

/** The pauses between two requests that ask the same thing: 200 ms at first, growing to 2 s. */
export function* pollDelays(): Generator<number, never> {
  for (let ms = FIRST_MS; ; ms = Math.min(ms * GROWTH, LONGEST_MS)) yield ms;
}

/** How often in a row the API may fail. It may be away for a deployment. */
const MAX_FAILURES = 5;
const BUSY_STATUSES = [429, 503];
/** The pause after a 429 that does not say how long to wait. */
const BUSY_MS = 5_000;
/** The longest pause that the API may ask for: a longer one is a mistake. */
const LONGEST_ASKED_MS = 60_000;

interface PatienceOptions {
  /** Ends every pause when it aborts. */
  readonly signal: AbortSignal;
  /** The status codes by which the API says that it is busy; 503 only with `Retry-After`. Default: 429 and 503. */
  readonly busyStatuses?: readonly number[];
  /** How often in a row the API may say so. Default: any number of times. */
  readonly maxBusy?: number;
  /** Whether a failure may be gone at the next request. */
  readonly isTransient?: (thrown: unknown) => boolean;
  /** Called before each pause that the API asked for. */
  readonly onBusy?: ((refusal: ApiError) => void) | undefined;
}

/**
 * Decides whether a request that follows a job is made again after a failure, and when. An API that says when to ask
 * again (429, or 503 with `Retry-After`) is asked again then, as often as `maxBusy` allows. Any other failure may happen five
 * times in a row.
 */
export class Patience {
  readonly #signal: AbortSignal;
  readonly #isTransient: (thrown: unknown) => boolean;
  readonly #onBusy: (refusal: ApiError) => void;
  readonly #busyStatuses: readonly number[];
  readonly #maxBusy: number;
  #failures = 0;
  #busy = 0;
  #delays = pollDelays();

  constructor({
    signal,
    isTransient = mayPass,
    onBusy = () => undefined,
    busyStatuses = BUSY_STATUSES,
    maxBusy = Number.POSITIVE_INFINITY,
  }: PatienceOptions) {
    this.#signal = signal;
    this.#busyStatuses = busyStatuses;
    this.#maxBusy = maxBusy;
    this.#isTransient = isTransient;
    this.#onBusy = onBusy;
  }

  /** The request has succeeded: earlier failures do not count any more. */
  reset(): void {
    this.#failures = 0;
    this.#busy = 0;
    this.#delays = pollDelays();
  }

  /** Waits until the next request. @throws the reason of the signal as soon as it aborts */
  async next(): Promise<void> {
    await pause(this.#delays.next().value, this.#signal);
  }

  /**
   * Waits after a failure.
   * @throws `thrown` when another request makes no sense or there were too many; the reason of the signal as soon as it
   * aborts
   */
  async afterFailure(thrown: unknown): Promise<void> {
    this.#signal.throwIfAborted();
    const delayMs = this.#delays.next().value;
    if (isBusy(thrown, this.#busyStatuses)) {
      if (++this.#busy > this.#maxBusy) throw thrown;
      this.#onBusy(thrown);
      await pause(Math.max(delayMs, askedMs(thrown)), this.#signal);
    } else {
      if (!this.#isTransient(thrown) || ++this.#failures > MAX_FAILURES) throw thrown;
      await pause(delayMs, this.#signal);
    }
  }
}

/** Whether the API refused a request for now, and is to be asked again. */
function isBusy(thrown: unknown, statuses: readonly number[]): thrown is ApiError {
  if (!(thrown instanceof ApiError) || !statuses.includes(thrown.status)) return false;
  return thrown.status === 429 || thrown.retryAfterSeconds !== undefined;
}

/** How long the API asked to wait, in milliseconds. */
function askedMs({ retryAfterSeconds }: ApiError): number {
  return retryAfterSeconds === undefined ? BUSY_MS : Math.min(retryAfterSeconds * 1_000, LONGEST_ASKED_MS);
}

function mayPass(thrown: unknown): boolean {
  if (thrown instanceof ApiError) return thrown.status >= 500;
  return thrown instanceof NoAnswerError && thrown.code !== 'no-stream';
}

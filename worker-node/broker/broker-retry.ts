import { errors } from '@nats-io/transport-node';
import { backoff } from '../../shared/backoff.ts';
import { ThroughlineError } from '../../shared/errors.ts';
import { API_CODE } from '../../shared/nats/api-error.ts';
import { STORES_NOTHING } from '../../shared/nats/disk-full.ts';
import { pause } from '../../shared/timers.ts';
import type { WorkerLogger } from '../log.ts';
import { failureReason } from './checks/failure-reason.ts';
import { hasApiCode, isWrongLastSequence } from './connection/api-error.ts';

const PAUSE = { firstMs: 100, maxMs: 5_000 };

interface BrokerRetryOptions {
  readonly log: WorkerLogger;
  /** Aborts when the worker cannot wait any longer. After that, work is tried once. */
  readonly patience: AbortSignal;
  /** Whether the broker answers anything. */
  readonly answers?: () => Promise<boolean>;
}

/**
 * Tries again until the broker does what it is asked for. A job whose end cannot be stored must not run again, so the worker
 * keeps the job and its end in memory meanwhile. Such a job keeps its slot, so the worker's concurrency bounds the memory.
 */
export class BrokerRetry {
  readonly #log: WorkerLogger;
  readonly #patience: AbortSignal;
  readonly #answers: () => Promise<boolean>;
  readonly #problems = new Map<string, string>();

  constructor({ log, patience, answers = async () => false }: BrokerRetryOptions) {
    this.#answers = answers;
    this.#log = log;
    this.#patience = patience;
  }

  /** What the broker does not do now, as a sentence; undefined when there is no problem. */
  get problem(): string | undefined {
    const [first] = this.#problems.values();
    return first;
  }

  /**
   * Does `work` until it succeeds, with growing pauses, while the broker is away, full, or without the stream.
   * @param what what cannot be done while it fails, such as `events cannot be stored`
   * @throws ThroughlineError `broker-unavailable` for work that can never succeed, and when the patience is over
   */
  async run<T>(what: string, work: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        const done = await work();
        this.works(what);
        return done;
      } catch (cause) {
        const reason = `${what}: ${await failureReason(cause, this.#answers)}`;
        if (isFinal(cause) || this.#patience.aborted)
          throw new ThroughlineError('broker-unavailable', reason, { cause });
        this.#note(what, reason);
        const pauseMs = backoff(attempt, PAUSE, Math.random());
        await pause(pauseMs, this.#patience).catch(() => undefined);
      }
    }
  }

  /** Takes the failure of work that its caller tries again later. It is a problem only if the broker stores nothing. */
  async failed(what: string, thrown: unknown): Promise<void> {
    const reason = await failureReason(thrown, this.#answers);
    if (reason === STORES_NOTHING) this.#note(what, `${what}: ${reason}`);
  }

  /** Says that what failed works again. */
  works(what: string): void {
    if (this.#problems.delete(what)) this.#log.info({ was: what }, 'the broker is back');
  }

  /** Logs one line for all callers: ten thousand jobs must not write ten thousand lines. */
  #note(what: string, reason: string): void {
    if (!this.#problems.has(what))
      this.#log.error({ reason }, 'the broker fails; jobs are held until it is back');
    this.#problems.set(what, reason);
  }
}

/** Whether another try can never succeed. */
function isFinal(thrown: unknown): boolean {
  if (isWrongLastSequence(thrown) || thrown instanceof errors.InvalidArgumentError) return true;
  if (thrown instanceof errors.ClosedConnectionError) return true;
  return hasApiCode(thrown, API_CODE.messageTooLarge);
}

import { setTimeout as delay } from 'node:timers/promises';
import { JetStreamApiError } from '@nats-io/jetstream';
import { errors } from '@nats-io/transport-node';
import { backoff } from '../../shared/backoff.ts';
import { describeThrown, ThroughlineError } from '../../shared/errors.ts';
import { API_CODE, isWrongLastSequenceCode } from '../../shared/nats/api-codes.ts';
import type { WorkerLogger } from '../log.ts';

const PAUSE = { minDelayMs: 100, maxDelayMs: 5_000 };

export interface BrokerRetryOptions {
  readonly log: WorkerLogger;
  /** Aborts when the worker may wait no longer: what is tried then is tried once. */
  readonly patience: AbortSignal;
}

/**
 * Tries on until the broker does its part. The end of a job is worth more than the job's place in the worker: were it
 * given up, the work would be done again. So it is held, in memory that the worker's concurrency bounds, as long as
 * the worker lives; meanwhile its places fill up, and it takes no more jobs.
 */
export class BrokerRetry {
  readonly #log: WorkerLogger;
  readonly #patience: AbortSignal;
  readonly #problems = new Map<string, string>();

  constructor({ log, patience }: BrokerRetryOptions) {
    this.#log = log;
    this.#patience = patience;
  }

  /** What the broker does not do at present, as a sentence; undefined when all is well. */
  get problem(): string | undefined {
    const [first] = this.#problems.values();
    return first;
  }

  /**
   * Does `work`, again and again with growing pauses while the broker is away, full, or without the stream.
   * @param what says what cannot be done while it fails, such as `events cannot be stored`
   * @throws ThroughlineError `broker-unavailable` for what will never be taken, and once patience is at its end
   */
  async run<T>(what: string, work: () => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        const done = await work();
        this.#mend(what);
        return done;
      } catch (cause) {
        const reason = `${what}: ${describeFailure(cause)}`;
        if (isFinal(cause) || this.#patience.aborted)
          throw new ThroughlineError('broker-unavailable', reason, { cause });
        this.#note(what, reason);
        const pauseMs = backoff(attempt, PAUSE, Math.random());
        await delay(pauseMs, undefined, { signal: this.#patience }).catch(() => undefined);
      }
    }
  }

  /** Once for all who wait: ten thousand jobs must not write ten thousand lines. */
  #note(what: string, reason: string): void {
    if (!this.#problems.has(what))
      this.#log.error({ reason }, 'the broker fails; jobs are held until it is back');
    this.#problems.set(what, reason);
  }

  #mend(what: string): void {
    if (this.#problems.delete(what)) this.#log.info({ was: what }, 'the broker is back');
  }
}

/** Whether the broker refused because something was written to the subject meanwhile. */
export function isWrongLastSequence(thrown: unknown): boolean {
  return thrown instanceof JetStreamApiError && isWrongLastSequenceCode(thrown.code);
}

/** Whether trying the same again can never help. */
function isFinal(thrown: unknown): boolean {
  if (isWrongLastSequence(thrown) || thrown instanceof errors.InvalidArgumentError) return true;
  if (thrown instanceof errors.ClosedConnectionError) return true;
  return thrown instanceof JetStreamApiError && thrown.code === API_CODE.messageTooLarge;
}

/** The client takes "nobody listens on this subject" for "JetStream is off". */
function describeFailure(thrown: unknown): string {
  if (thrown instanceof Error && thrown.name === 'JetStreamNotEnabled')
    return 'no stream takes them, or JetStream is off';
  return describeThrown(thrown);
}

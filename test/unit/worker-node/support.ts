import { pino } from 'pino';
import { expect, vi } from 'vitest';
import type { JobEvent } from '../../../shared/job/event.ts';
import type { NatsHeadersLike } from '../../../shared/propagation/index.ts';
import type { Ack, Delivery } from '../../../worker-node/broker/consume/delivery.ts';
import { Stopwatch } from '../../../worker-node/broker/consume/stopwatch.ts';
import type { Attempt } from '../../../worker-node/jobs/attempt/attempt.ts';
import { AttemptAbort } from '../../../worker-node/jobs/attempt/attempt-abort.ts';
import { JobLease } from '../../../worker-node/jobs/attempt/job-lease.ts';
import type { RunOptions } from '../../../worker-node/jobs/attempt/run-operation.ts';
import type { WorkerLogger } from '../../../worker-node/log.ts';
import { jobEvent } from '../../support/nats/job-event.ts';

/** A logger that writes nothing. */
export const quiet: WorkerLogger = pino({ level: 'silent' });

/** A signal that never aborts. */
export const IDLE = new AbortController().signal;

/** The first attempt of a job of `acme`. */
export function attempt(
  more: Partial<Attempt> & { readonly input?: unknown; readonly timeoutMs?: number } = {},
): Attempt {
  const { input, timeoutMs, ...rest } = more;
  const acceptedAt = '2026-01-01T00:00:00.000Z';
  return {
    job: {
      address: { tenant: 'acme', jobId: 'job-1', operation: 'echo' },
      acceptedAt,
      spec: { timeoutMs },
      input: input ?? null,
    },
    operation: undefined,
    number: 1,
    maxAttempts: 3,
    released: 0,
    acceptedAt,
    startedAt: acceptedAt,
    queueTimeMs: 0,
    previous: undefined,
    ...rest,
  };
}

/** A lease that holds, and sends no keep-alive. */
export const SURE = new JobLease(Number.POSITIVE_INFINITY, () => undefined);

/** How an attempt is run if nothing aborts it, and nobody reads its progress. */
export function runOptions(more: Partial<RunOptions> = {}): RunOptions {
  return {
    abort: new AttemptAbort(),
    progress: { report: () => undefined, stop: () => undefined },
    log: quiet,
    roomForResult: () => Number.POSITIVE_INFINITY,
    fence: 1,
    lease: SURE,
    look: async () => undefined,
    ...more,
  };
}

/** A delivery that remembers how it was answered. */
interface FakeDelivery extends Delivery {
  readonly acks: readonly Ack[];
  /** How often it was kept alive. */
  readonly signs: () => number;
}

/** The first delivery of a job of `acme`, whose input is null. */
export function delivery(more: Partial<Delivery> = {}): FakeDelivery {
  const acks: Ack[] = [];
  let signs = 0;
  return {
    subject: 'jobs.normal.p3.acme.job-1.echo',
    headers: undefined as NatsHeadersLike | undefined,
    data: new Uint8Array(),
    sequence: 1,
    storedAt: new Date('2026-01-01T00:00:00.000Z'),
    deliveryCount: 1,
    isFirst: true,
    asked: new Stopwatch(),
    working: () => void signs++,
    settle: (ack) => void acks.push(ack),
    ...more,
    acks,
    signs: () => signs,
  };
}

/** The end of a job that succeeded immediately. */
export const SUCCEEDED: JobEvent = jobEvent('succeeded', {
  maxAttempts: 5,
  acceptedAt: '2026-01-02T03:04:05.678Z',
});

/** Waits for something that is about to be true. */
export const soon = (condition: () => boolean): Promise<void> =>
  vi.waitFor(() => expect(condition()).toBe(true), { timeout: 60_000, interval: 1 });

import { describe, expect, it } from 'vitest';
import { cancelledEvent, isDelivered } from '../../../edge/jobs/cancel-at-broker.ts';
import { JobEvent, jobOfEvent } from '../../../shared/job/event.ts';

describe('a message in the queue', () => {
  const message = { subject: 'jobs.normal.p3.acme.job-1.image.thumbnail', sequence: 7 };

  it.each<[string, Parameters<typeof isDelivered>[0], boolean]>([
    ['no consumer takes', [], false],
    ['its consumer has not reached', [{ filter: 'jobs.>', delivered: 6 }], false],
    ['its consumer has reached', [{ filter: 'jobs.>', delivered: 7 }], true],
    ['only the consumer of others has passed', [{ filter: 'jobs.*.*.*.*.video.>', delivered: 9 }], false],
  ])('that %s counts as delivered: %s', (_what, consumers, delivered) => {
    expect(isDelivered(consumers, message)).toBe(delivered);
  });
});

describe('the end of a job that no worker has', () => {
  it('repeats its last event, without progress and retry', () => {
    const at = '2026-01-01T00:00:00.000Z';
    const event: JobEvent = {
      kind: 'retrying',
      jobId: 'job-1',
      operation: 'echo',
      attempt: 2,
      maxAttempts: 5,
      released: 1,
      acceptedAt: at,
      startedAt: at,
      at,
      worker: 'w',
      traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
      spanId: '00f067aa0ba902b7',
      progress: { fraction: 0.5 },
      error: { code: 'operation-failed', message: 'busy' },
      retryInMs: 500,
    };
    const record = { queued: undefined, delayed: undefined, event, lastSequence: 9 };
    const end = cancelledEvent('bridge-0', record);
    const { progress: _, retryInMs: __, ...shared } = event;
    expect(JobEvent.parse(end)).toEqual({
      ...shared,
      kind: 'cancelled',
      at: end.at,
      worker: 'bridge-0',
      error: { code: 'job-cancelled', message: expect.any(String) },
    });
    expect(jobOfEvent(end)).toMatchObject({ state: 'cancelled', attempt: 2, finishedAt: end.at });
  });
});

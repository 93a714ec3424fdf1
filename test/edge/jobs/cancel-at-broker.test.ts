import { describe, expect, it, vi } from 'vitest';
import { cancelledEvent, isDelivered } from '../../../edge/jobs/cancel-at-broker.ts';
import { cancelUnsent } from '../../../edge/outbox/cancel-unsent.ts';
import { JobEvent, jobOfEvent } from '../../../shared/job/event.ts';
import { command, setup } from '../bridge/submit-support.ts';

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

it('a cancel that waited in the outbox does not wait for the reads of its tenant, which would hold up all others', async () => {
  const { broker, connection } = setup();
  const lastMessage = broker.lastMessage.bind(broker);
  const ofTenant = vi.spyOn(broker, 'lastMessage');
  vi.spyOn(broker, 'outboxReads', 'get').mockReturnValue({ lastMessage });
  const log = { debug: vi.fn(), info: vi.fn(), warn: vi.fn(), error: vi.fn() };
  const job = { ...command('job-1', { maxAttempts: 5 }), spec: { maxAttempts: 5 } };
  await cancelUnsent({ name: 'bridge-0', connection, log }, broker, job, job.acceptedAt);
  expect(broker.published.map(({ subject }) => subject)).toEqual(['events.acme.job-1']);
  expect(ofTenant).not.toHaveBeenCalled();
});

import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { JobEvent } from '../../../../../shared/job/event.ts';
import type { JobMessage } from '../../../../../shared/wire/job-message.ts';
import { attemptOf, eventOf } from '../../../../../worker-node/jobs/attempt/attempt.ts';
import { defineOperation } from '../../../../../worker-node/operations/operation.ts';
import { delivery } from '../../support.ts';

const QUEUED = new Date('2026-01-01T00:00:00.000Z');
const NOW = new Date('2026-01-01T00:00:07.000Z');

const operation = defineOperation({ name: 'echo', input: z.unknown(), maxAttempts: 4, run: () => null });

const job: JobMessage = {
  address: { tenant: 'acme', jobId: 'job-1', operation: 'echo' },
  acceptedAt: undefined,
  spec: {},
  input: null,
};

const delivered = (deliveryCount: number) => delivery({ storedAt: QUEUED, deliveryCount });

const first = (more: Partial<JobMessage> = {}) =>
  attemptOf(delivered(1), { ...job, ...more }, operation, undefined, NOW);

describe('an attempt', () => {
  it('is the first if nothing is recorded about the job, however often it was delivered', () => {
    expect(first()).toMatchObject({
      number: 1,
      released: 0,
      startedAt: NOW.toISOString(),
      queueTimeMs: 7_000,
    });
    expect(attemptOf(delivered(3), job, operation, undefined, NOW).number).toBe(1);
  });

  it.each(['started', 'progress', 'retrying'] as const)(
    'has the number of the last event and one more (%s)',
    (kind) => {
      const previous = { ...eventOf(first(), kind, 'w'), attempt: 2 };
      for (const count of [1, 2, 9]) {
        expect(attemptOf(delivered(count), job, operation, previous, NOW).number).toBe(3);
      }
    },
  );

  it('has the number of the attempt that was handed back', () => {
    const previous = eventOf(first(), 'released', 'w', { released: 2, attempt: 0 });
    expect(attemptOf(delivered(3), job, operation, previous, NOW)).toMatchObject({ number: 1, released: 2 });
  });

  it('waited since the last event of its job', () => {
    const previous = { ...eventOf(first(), 'retrying', 'w'), at: '2026-01-01T00:00:05.000Z' };
    expect(attemptOf(delivered(2), job, operation, previous, NOW).queueTimeMs).toBe(2_000);
  });

  it('never has a negative waiting time, whatever the clocks say', () => {
    expect(attemptOf(delivered(1), job, operation, undefined, new Date(0)).queueTimeMs).toBe(0);
  });

  it.each([
    ['the job’s own limit', { maxAttempts: 2 }, 2],
    ['its operation’s if the job has none', {}, 4],
    ['its operation’s if the job asks for more', { maxAttempts: 100 }, 4],
  ])('may be repeated as often as this allows: %s', (_what, more, maxAttempts) => {
    expect(first({ spec: more }).maxAttempts).toBe(maxAttempts);
  });

  it('may be repeated up to five times if this worker does not have the operation', () => {
    expect(attemptOf(delivered(1), job, undefined, undefined, NOW).maxAttempts).toBe(5);
  });

  it('after a consumer was created again makes events that can be read', () => {
    const previous = eventOf(first(), 'released', 'w', { released: 5, attempt: 0 });
    const again = attemptOf(delivered(2), job, operation, previous, NOW);
    expect(JobEvent.safeParse(eventOf(again, 'started', 'w')).success).toBe(true);
  });

  it('says when the job was accepted: as its producer says, or when the broker stored it', () => {
    expect(first().acceptedAt).toBe(QUEUED.toISOString());
    const acceptedAt = '2025-12-31T23:59:59.000Z';
    expect(first({ acceptedAt }).acceptedAt).toBe(acceptedAt);
  });
});

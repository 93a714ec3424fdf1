import { describe, expect, it } from 'vitest';
import { attemptsOf } from '../../../../shared/job/attempts.ts';
import type { JobEvent } from '../../../../shared/job/event.ts';
import { JobAttempt } from '../../../../shared/job/job.ts';

const time = (seconds: number): string => new Date(Date.UTC(2026, 0, 1, 0, 0, seconds)).toISOString();

/** An event of the attempt that started at this second. */
function event(
  kind: JobEvent['kind'],
  attempt: number,
  started: number,
  more: Partial<JobEvent> = {},
): JobEvent {
  return {
    kind,
    jobId: 'job-1',
    operation: 'echo',
    attempt,
    maxAttempts: 3,
    released: 0,
    acceptedAt: time(0),
    startedAt: time(started),
    at: time(started + 1),
    worker: `worker-${attempt}`,
    traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
    spanId: `000000000000000${attempt}`,
    ...more,
  };
}

const error = { code: 'operation-failed', message: 'no luck' };

describe('the attempts of a job', () => {
  it('are empty before the first one has started', () => {
    expect(attemptsOf([])).toEqual([]);
  });

  it('have no end while they run', () => {
    const [attempt, ...others] = attemptsOf([event('started', 1, 1), event('progress', 1, 1)]);
    expect(attempt).toEqual({
      number: 1,
      worker: 'worker-1',
      startedAt: time(1),
      spanId: '0000000000000001',
    });
    expect(others).toEqual([]);
  });

  it('are listed from the first to the last, each with its outcome', () => {
    const attempts = attemptsOf([
      event('started', 1, 1),
      event('retrying', 1, 1, { error, at: time(5) }),
      event('started', 2, 6),
      event('progress', 2, 6),
      event('succeeded', 2, 6, { at: time(9), result: 7 }),
    ]);
    expect(attempts).toMatchObject([
      { number: 1, outcome: 'retrying', endedAt: time(5), error },
      { number: 2, outcome: 'succeeded', startedAt: time(6), endedAt: time(9) },
    ]);
    for (const attempt of attempts) expect(JobAttempt.safeParse(attempt).success).toBe(true);
  });

  it('are lost if another one started before they ended', () => {
    const [lost, next] = attemptsOf([event('started', 1, 1), event('started', 2, 30)]);
    expect(lost).toMatchObject({ number: 1, outcome: 'lost' });
    expect(lost).not.toHaveProperty('endedAt');
    expect(next).not.toHaveProperty('outcome');
  });

  it('are lost if an earlier one ended the job while they ran', () => {
    const attempts = attemptsOf([
      event('started', 1, 1),
      event('started', 2, 30),
      event('succeeded', 1, 1, { at: time(40), result: 7 }),
    ]);
    expect(attempts.map(({ number, outcome }) => [number, outcome])).toEqual([
      [1, 'succeeded'],
      [2, 'lost'],
    ]);
  });

  it('run again after a redrive, without an outcome', () => {
    const redriven = { redriveCount: 1 };
    const attempts = attemptsOf([
      event('failed', 1, 1, { error }),
      event('redriven', 0, 2, { ...redriven, startedAt: undefined }),
      event('started', 1, 30, redriven),
    ]);
    expect(attempts.map(({ outcome }) => outcome)).toEqual(['failed', undefined]);
  });

  it('keep their number when they are handed back, and the next one has the same number', () => {
    const attempts = attemptsOf([
      event('started', 1, 1),
      event('released', 0, 1, { released: 1 }),
      event('started', 1, 8, { released: 1 }),
    ]);
    expect(attempts.map(({ number, outcome }) => [number, outcome])).toEqual([
      [1, 'released'],
      [1, undefined],
    ]);
  });

  it('are known from their end alone if the event of their start was lost', () => {
    expect(attemptsOf([event('failed', 1, 1, { error })])).toMatchObject([
      { number: 1, outcome: 'failed', error },
    ]);
  });

  it.each<[string, JobEvent]>([
    [
      'was delivered again after all were spent',
      event('failed', 4, 9, { error: { ...error, code: 'attempts-spent' } }),
    ],
    ['was cancelled in the queue', event('cancelled', 0, 9)],
  ])('are not more when a job %s, since nothing ran', (_what, end) => {
    expect(attemptsOf([end])).toEqual([]);
  });

  it('are known of a worker that records no start', () => {
    const { startedAt: _, ...bare } = event('succeeded', 1, 1);
    expect(attemptsOf([bare])).toMatchObject([{ number: 1, startedAt: bare.at, endedAt: bare.at }]);
  });
});

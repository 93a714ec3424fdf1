import { describe, expect, it } from 'vitest';
import {
  EVENT_STATES,
  type EventKind,
  isTerminalEvent,
  JobEvent,
  jobOfEvent,
} from '../../../../shared/job/event.ts';
import { Job } from '../../../../shared/job/job.ts';
import { isTerminal } from '../../../../shared/job/job-state.ts';

const KINDS = Object.keys(EVENT_STATES) as EventKind[];

function event(kind: EventKind, more: Partial<JobEvent> = {}): JobEvent {
  return {
    kind,
    jobId: 'job-1',
    operation: 'echo',
    attempt: 2,
    maxAttempts: 5,
    released: 1,
    acceptedAt: '2026-01-01T00:00:00.000Z',
    startedAt: '2026-01-01T00:00:01.000Z',
    at: '2026-01-01T00:00:02.000Z',
    worker: 'worker-1',
    traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
    spanId: '00f067aa0ba902b7',
    ...more,
  };
}

describe('the job of an event', () => {
  it.each<[EventKind, string, boolean]>([
    ['started', 'running', false],
    ['progress', 'running', false],
    ['retrying', 'retrying', false],
    ['released', 'queued', false],
    ['succeeded', 'succeeded', true],
    ['failed', 'failed', true],
    ['cancelled', 'cancelled', true],
  ])('after %s is %s', (kind, state, ended) => {
    const job = jobOfEvent(event(kind));
    expect(job).toEqual({
      id: 'job-1',
      operation: 'echo',
      state,
      attempt: 2,
      maxAttempts: 5,
      durability: 'stream',
      acceptedAt: '2026-01-01T00:00:00.000Z',
      startedAt: '2026-01-01T00:00:01.000Z',
      ...(ended ? { finishedAt: '2026-01-01T00:00:02.000Z' } : {}),
      traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
      links: { self: '/v1/jobs/job-1' },
    });
    expect(isTerminal(job.state)).toBe(ended);
    expect(isTerminalEvent(event(kind))).toBe(ended);
  });

  it.each(KINDS)('after %s fits the schema of the API', (kind) => {
    const full = event(kind, {
      progress: { fraction: 0.5, message: 'half' },
      result: { width: 7 },
      error: { code: 'operation-failed', message: 'why' },
      retryInMs: 100,
    });
    expect(JobEvent.parse(full)).toEqual(full);
    const job = jobOfEvent(full);
    expect(Job.parse(job)).toEqual(job);
    expect(job).toMatchObject({ progress: full.progress, result: full.result, error: full.error });
  });

  it('does not show the worker, its spans and the pauses', () => {
    const job = jobOfEvent(event('retrying', { retryInMs: 100 }));
    for (const name of ['worker', 'spanId', 'released', 'retryInMs', 'kind'])
      expect(job).not.toHaveProperty(name);
  });

  it('keeps a result that is null, and has no result if there is none', () => {
    expect(jobOfEvent(event('succeeded', { result: null }))).toHaveProperty('result', null);
    expect(jobOfEvent(event('succeeded'))).not.toHaveProperty('result');
  });
});

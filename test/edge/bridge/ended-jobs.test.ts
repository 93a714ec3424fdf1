import { afterEach, expect, it, vi } from 'vitest';
import { EndedJobs } from '../../../edge/bridge/ended-jobs.ts';
import type { Job } from '../../../shared/job/job.ts';

const found = (more: Partial<Job> = {}) => ({
  job: {
    id: 'job-1',
    operation: 'echo',
    state: 'succeeded',
    attempt: 1,
    maxAttempts: 1,
    durability: 'stream',
    acceptedAt: '2026-01-01T00:00:00Z',
    traceId: '',
    links: { self: '' },
    ...more,
  } as Job,
  fingerprint: undefined,
});

afterEach(() => {
  vi.useRealTimers();
});

it.each([
  ['succeeded', true],
  ['cancelled', true],
  ['failed', false],
  ['running', false],
  ['queued', false],
  ['retrying', false],
] as const)('a job that is %s is kept: %s', (state, isKept) => {
  const jobs = new EndedJobs();
  jobs.keep('acme', found({ state }));
  expect(jobs.find('acme', 'job-1')?.job.state).toBe(isKept ? state : undefined);
});

it('a job is found for its tenant only', () => {
  const jobs = new EndedJobs();
  jobs.keep('acme', found());
  expect([jobs.find('other', 'job-1'), jobs.find('acme', 'job-2')]).toEqual([undefined, undefined]);
});

it('a job that was read with its attempts is not replaced by the same without them', () => {
  const jobs = new EndedJobs();
  jobs.keep('acme', found({ attempts: [] }));
  jobs.keep('acme', found());
  expect(jobs.find('acme', 'job-1')?.job.attempts).toEqual([]);
});

it('the jobs that were not asked for make room for others', () => {
  const jobs = new EndedJobs();
  const result = 'x'.repeat(60_000);
  jobs.keep('acme', found({ id: 'asked', result }));
  jobs.keep('acme', found({ id: 'not-asked', result }));
  for (let n = 0; n < 80; n++) {
    jobs.find('acme', 'asked');
    jobs.keep('acme', found({ id: `job-${n}`, result }));
  }
  const kept = ['asked', 'not-asked', 'job-79'].map((id) => jobs.find('acme', id) !== undefined);
  expect(kept).toEqual([true, false, true]);
});

it('there are at most 800 jobs', () => {
  const jobs = new EndedJobs();
  for (let n = 0; n <= 800; n++) jobs.keep('acme', found({ id: `job-${n}` }));
  const kept = ['job-0', 'job-1', 'job-800'].map((id) => jobs.find('acme', id) !== undefined);
  expect(kept).toEqual([false, true, true]);
});

it('a job too large for its share is not kept', () => {
  const jobs = new EndedJobs();
  jobs.keep('acme', found({ result: 'x'.repeat(70_000) }));
  expect(jobs.find('acme', 'job-1')).toBeUndefined();
});

it('a job is read again after an hour', () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  const jobs = new EndedJobs();
  jobs.keep('acme', found());
  vi.setSystemTime(Date.now() + 3_600_001);
  expect(jobs.find('acme', 'job-1')).toBeUndefined();
});

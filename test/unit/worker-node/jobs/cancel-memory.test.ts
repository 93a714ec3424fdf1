import { describe, expect, it } from 'vitest';
import type { CancelNotice } from '../../../../shared/wire/cancel.ts';
import { CancelMemory } from '../../../../worker-node/jobs/cancel-memory.ts';

const address = { tenant: 'acme', jobId: 'job-1', operation: 'echo' };

const notice = (more: Partial<CancelNotice> = {}): CancelNotice => ({
  tenant: 'acme',
  jobId: 'job-1',
  sequence: 7,
  sentBy: undefined,
  ...more,
});

describe('a job that a worker has', () => {
  it('is cancelled by a notice that comes later, with the reason', () => {
    const memory = new CancelMemory();
    const job = memory.hold(address, 7);
    expect(job.abort.signal.aborted).toBe(false);
    memory.hear(notice());
    expect(job.abort.signal.reason).toMatchObject({ name: 'ThroughlineError', code: 'job-cancelled' });
    expect(job.notice).toEqual(notice());
  });

  it('is cancelled by a notice that came earlier', () => {
    const memory = new CancelMemory();
    memory.hear(notice());
    expect(memory.hold(address, 7).abort.signal.aborted).toBe(true);
  });

  it.each([
    ['of another job', { jobId: 'job-2' }],
    ['of another tenant', { tenant: 'globex' }],
    ['of an earlier message with its id', { sequence: 6 }],
  ])('is not cancelled by a notice %s', (_what, more) => {
    const memory = new CancelMemory();
    memory.hear(notice(more));
    const job = memory.hold(address, 7);
    memory.hear(notice(more));
    expect(job.abort.signal.aborted).toBe(false);
  });

  it('keeps its first notice, and is not held after it was released', () => {
    const memory = new CancelMemory();
    const job = memory.hold(address, 7);
    memory.hear(notice());
    memory.hear(notice({ sequence: 8 }));
    expect(job.notice?.sequence).toBe(7);
    memory.release(job);
    expect(memory.held).toEqual([]);
  });
});

describe('the memory of cancel notices', () => {
  it('has a limit, beyond which the oldest notice is forgotten', () => {
    const memory = new CancelMemory(2);
    for (const jobId of ['a', 'b', 'c']) memory.hear(notice({ jobId, sequence: 5 }));
    const cancelled = ['a', 'b', 'c'].map(
      (jobId) => memory.hold({ ...address, jobId }, 5).abort.signal.aborted,
    );
    expect(cancelled).toEqual([false, true, true]);
  });
});

import { describe, expect, it } from 'vitest';
import type { CancelNotice } from '../../shared/cancel.ts';
import { CancelMemory } from '../../worker-node/jobs/cancel-memory.ts';

const address = { tenant: 'acme', jobId: 'job-1', operation: 'echo' };

const notice = (more: Partial<CancelNotice> = {}): CancelNotice => ({
  tenant: 'acme',
  jobId: 'job-1',
  sequence: 7,
  sentBy: undefined,
  ...more,
});

describe('a job that a worker has', () => {
  it('is cancelled by a notice that comes while it has it, with the cause', () => {
    const memory = new CancelMemory();
    const job = memory.hold(address, 7);
    expect(job.cancelled.aborted).toBe(false);
    memory.hear(notice());
    expect(job.cancelled.reason).toMatchObject({ name: 'ThroughlineError', code: 'job-cancelled' });
    expect(job.notice).toEqual(notice());
  });

  it('is cancelled by a notice that came before it', () => {
    const memory = new CancelMemory();
    memory.hear(notice());
    expect(memory.hold(address, 7).cancelled.aborted).toBe(true);
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
    expect(job.cancelled.aborted).toBe(false);
  });

  it('keeps its first notice, and is forgotten when it is settled', () => {
    const memory = new CancelMemory();
    const job = memory.hold(address, 7);
    memory.hear(notice());
    memory.hear(notice({ sequence: 8 }));
    expect(job.notice?.sequence).toBe(7);
    memory.release(job);
    expect(memory.held).toEqual([]);
  });
});

describe('what a worker remembers', () => {
  it('is complete for messages that were stored while it listened, and for no others', () => {
    const memory = new CancelMemory();
    expect(memory.isComplete(1_000)).toBe(false);
    memory.listening(41);
    expect([41, 42].map((sequence) => memory.isComplete(sequence))).toEqual([false, true]);
    memory.deaf();
    expect(memory.isComplete(42)).toBe(false);
    memory.listening(50);
    expect([42, 51].map((sequence) => memory.isComplete(sequence))).toEqual([false, true]);
  });

  it('has a limit: beyond it, messages as old as what was forgotten are looked up', () => {
    const memory = new CancelMemory(2);
    memory.listening(0);
    memory.hear(notice({ jobId: 'a', sequence: 5 }));
    memory.hear(notice({ jobId: 'b', sequence: 3 }));
    expect(memory.isComplete(1)).toBe(true);
    memory.hear(notice({ jobId: 'c', sequence: 9 }));
    expect([5, 6].map((sequence) => memory.isComplete(sequence))).toEqual([false, true]);
    expect(memory.hold({ ...address, jobId: 'a' }, 5).cancelled.aborted).toBe(false);
    expect(memory.hold({ ...address, jobId: 'b' }, 3).cancelled.aborted).toBe(true);
  });
});

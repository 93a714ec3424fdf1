import { describe, expect, it } from 'vitest';
import { jobWithoutEvents } from '../../../../shared/job/accepted-job.ts';
import { acceptedJobOfEvent, JobEvent, makeEvent } from '../../../../shared/job/event.ts';
import {
  type AcceptedSpec,
  JobSpec,
  pickEventSpec,
  pickShownSpec,
  withoutDelay,
} from '../../../../shared/job/job-spec.ts';
import { readJobSpec, writeJobSpec } from '../../../../shared/wire/job-headers.ts';
import { valuesOf, written } from '../wire/headers.ts';

/** A spec that uses every field. The compiler complains if one is missing. */
const SPEC: Required<AcceptedSpec> = {
  maxAttempts: 3,
  timeoutMs: 500,
  dueAt: '2026-01-02T00:00:00.000Z',
  dueBy: 'rateLimit',
  fingerprint: 'ab'.repeat(32),
  callback: { url: 'https://acme.example/?secret=1', events: ['failed'] },
  priority: 'low',
  orderingKey: 'customer 7',
  tags: ['night', 'team:blue'],
};
const JOB = {
  jobId: 'job-1',
  operation: 'echo',
  acceptedAt: '2026-01-01T00:00:00.000Z',
  spec: SPEC,
};
/** What events and answers repeat of the spec, besides the number of attempts. */
const REPEATED = { priority: SPEC.priority, orderingKey: SPEC.orderingKey, tags: SPEC.tags };
const FACTS = { attempt: 1, worker: 'worker-1', traceId: 'cd'.repeat(16), spanId: 'ef'.repeat(8) };

describe('a job spec', () => {
  it('has all its fields in this test', () => {
    expect(Object.keys(SPEC).sort()).toEqual(Object.keys(JobSpec.shape).sort());
  });

  it('comes out of the headers of a message as it went in', () => {
    const headers = written((set) => writeJobSpec(SPEC, set));
    expect(readJobSpec(valuesOf(headers))).toEqual(SPEC);
  });

  it('is written to no header if it is empty', () => {
    expect(written((set) => writeJobSpec({}, set)).size).toBe(0);
  });

  it('is the same without its delay, except for that', () => {
    const { dueAt: _, dueBy: __, ...rest } = SPEC;
    expect(withoutDelay(SPEC)).toEqual(rest);
  });

  it('shows its callback neither in events nor in jobs', () => {
    const shown = { maxAttempts: 3, ...REPEATED };
    expect(pickEventSpec(SPEC)).toEqual({ ...shown, fingerprint: SPEC.fingerprint });
    expect(pickShownSpec(SPEC)).toEqual({ ...shown, dueAt: SPEC.dueAt, dueBy: SPEC.dueBy });
  });
});

describe('an event that is made', () => {
  it('has the fields of its job and its facts, and nothing else', () => {
    const at = '2026-01-01T00:00:01.000Z';
    const event = makeEvent('failed', JOB, { ...FACTS, at, error: { code: 'internal', message: 'why' } });
    expect(event).toEqual({
      kind: 'failed',
      jobId: 'job-1',
      operation: 'echo',
      acceptedAt: JOB.acceptedAt,
      maxAttempts: 3,
      fingerprint: SPEC.fingerprint,
      ...REPEATED,
      released: 0,
      at,
      error: { code: 'internal', message: 'why' },
      ...FACTS,
    });
    expect(JobEvent.parse(event)).toEqual(event);
  });

  it('names the redrives of its job', () => {
    const redrive = { redriveCount: 2, previousTraceIds: ['ab'.repeat(16)] };
    expect(makeEvent('started', { ...JOB, redrive }, FACTS)).toMatchObject(redrive);
  });

  it('leads to the next event of the same job', () => {
    const redrive = { redriveCount: 2, previousTraceIds: ['ab'.repeat(16)] };
    const at = '2026-01-01T00:00:01.000Z';
    const first = makeEvent('started', { ...JOB, redrive }, { ...FACTS, at });
    expect(makeEvent('started', acceptedJobOfEvent(first), { ...FACTS, at })).toEqual(first);
  });
});

describe('a job without events', () => {
  it('is queued, and shows when it is due', () => {
    expect(jobWithoutEvents(JOB, { durability: 'outbox', traceId: FACTS.traceId })).toEqual({
      id: 'job-1',
      operation: 'echo',
      state: 'queued',
      attempt: 0,
      maxAttempts: 3,
      durability: 'outbox',
      acceptedAt: JOB.acceptedAt,
      dueAt: SPEC.dueAt,
      dueBy: SPEC.dueBy,
      ...REPEATED,
      traceId: FACTS.traceId,
      links: { self: '/v1/jobs/job-1' },
    });
  });
});

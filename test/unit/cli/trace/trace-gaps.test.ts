import { describe, expect, it } from 'vitest';
import { attemptGaps, lacksOnlyCaller, traceGaps } from '../../../../cli/trace/trace-gaps.ts';
import type { Job, JobState } from '../../../../shared/job/job.ts';
import { ATTR } from '../../../../shared/trace/semantics.ts';
import type { SpanRecord } from '../../../../shared/trace/span-record.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';

function job(state: JobState, attempt = 1): Job {
  return {
    id: 'job-1',
    operation: 'echo',
    state,
    attempt,
    maxAttempts: 3,
    durability: 'stream',
    acceptedAt: '2026-01-01T00:00:00.000Z',
    traceId: TRACE,
    links: { self: '/v1/jobs/job-1' },
  };
}

function span(spanId: string, parentSpanId?: string, attributes: Record<string, unknown> = {}): SpanRecord {
  return {
    service: 'throughline-edge',
    name: `span ${spanId}`,
    kind: 'INTERNAL',
    traceId: TRACE,
    spanId,
    ...(parentSpanId === undefined ? {} : { parentSpanId }),
    startMs: 0,
    durationMs: 1,
    status: 'UNSET',
    attributes,
    events: [],
    links: [],
  };
}

function attempt(spanId: string, number: number, jobId = 'job-1'): SpanRecord {
  const attributes = { [ATTR.operationType]: 'process', [ATTR.jobId]: jobId, [ATTR.jobAttempt]: number };
  return span(spanId, 'a', attributes);
}

describe('the gaps in the trace of a job', () => {
  it('are none when every parent and the last attempt are there', () => {
    expect(traceGaps([span('a'), span('b', 'a'), attempt('c', 1)], job('succeeded'))).toEqual([]);
  });

  it('are all parents that are missing', () => {
    expect(traceGaps([span('b', 'a'), attempt('c', 1)], job('succeeded'))).toEqual([
      'the parent of "span b" (throughline-edge), span a, is missing',
      'the parent of "span c" (throughline-edge), span a, is missing',
    ]);
  });

  it('are none when the attempt has the attributes of the conventions only', () => {
    const attributes = { [ATTR.operationType]: 'process', [ATTR.messageId]: 'job-1' };
    expect(traceGaps([span('a'), span('b', 'a', attributes)], job('succeeded'))).toEqual([]);
  });

  it.each([
    ['no attempt', []],
    ['an earlier attempt', [attempt('b', 1)]],
    ["another job's attempt", [attempt('b', 2, 'job-2')]],
  ])('are the attempt that ended the job when there is only %s', (_, spans) => {
    const gap = 'the worker\'s span of attempt 2, "process echo", is missing';
    expect(traceGaps([span('a'), ...spans], job('failed', 2))).toEqual([gap]);
  });

  it.each([job('queued', 0), job('running'), job('retrying'), job('cancelled')])(
    'do not include an attempt of a job that did not run to its end: $state',
    (current) => {
      expect(traceGaps([span('a')], current)).toEqual([]);
    },
  );
});

describe('a trace lacks only the span of the caller', () => {
  const server: SpanRecord = { ...span('b', 'caller'), kind: 'SERVER' };
  const entry: SpanRecord = { ...server, attributes: { [ATTR.traceOutcome]: 'continued' } };

  it.each(['throughline-edge', 'shop-edge'])(
    'when the parent of the request at %s is all that is missing',
    (service) => {
      const spans = [{ ...entry, service }, span('a'), attempt('c', 1)];
      expect(lacksOnlyCaller(spans, job('succeeded'))).toBe(true);
    },
  );

  it.each([
    ['nothing is missing', [span('a'), attempt('c', 1)]],
    ['the attempt is missing too', [entry]],
    ['the parent of a span of nats-server is missing', [server, span('a'), attempt('c', 1)]],
    ['the parent of another span is missing too', [entry, span('a'), span('d', 'e'), attempt('c', 1)]],
  ])('not when %s', (_, spans) => {
    expect(lacksOnlyCaller(spans, job('succeeded'))).toBe(false);
  });
});

describe('the attempts that a trace names and does not have', () => {
  const second = (linked: string, traceId = TRACE): SpanRecord => ({
    ...attempt('d', 2),
    links: [
      { traceId: TRACE, spanId: 'a' },
      { traceId, spanId: linked },
    ],
  });

  it('are those that a later attempt has a link to, as after the death of a host', () => {
    expect(attemptGaps([span('a'), second('c')])).toEqual([
      'the span of the attempt before attempt 2, span c, is missing: its host died, or has not sent it',
    ]);
  });

  it('are none if the attempt is there, in another trace, or the first one', () => {
    expect(attemptGaps([span('a'), attempt('c', 1), second('c')])).toEqual([]);
    expect(attemptGaps([span('a'), second('c', 'f'.repeat(32))])).toEqual([]);
    const first = { ...attempt('c', 1), links: [{ traceId: TRACE, spanId: 'e' }] };
    expect(attemptGaps([span('a'), first])).toEqual([]);
  });

  it('are not what an author has links to', () => {
    const own = { traceId: TRACE, spanId: 'e' };
    const later = second('c');
    expect(attemptGaps([span('a'), attempt('c', 1), { ...later, links: [...later.links, own] }])).toEqual([]);
    const elsewhere = second('c', 'f'.repeat(32));
    expect(attemptGaps([span('a'), { ...elsewhere, links: [...elsewhere.links, own] }])).toEqual([]);
  });

  it('are named once, also if two deliveries have links to one', () => {
    expect(attemptGaps([span('a'), second('c'), { ...second('c'), spanId: 'e' }]).length).toBe(1);
  });

  it('leave out the parent, which is a gap of its own', () => {
    expect(attemptGaps([second('c')]).length).toBe(1);
  });

  it('leave out the attempt that ended the job, which is named already', () => {
    const spans = [span('a'), second('c')];
    expect(attemptGaps(spans, job('failed', 1))).toEqual([]);
    expect(attemptGaps(spans, job('succeeded', 2)).length).toBe(1);
    // Another job of the same trace, as in a batch.
    expect(attemptGaps(spans, { ...job('failed', 1), id: 'job-2' }).length).toBe(1);
  });
});

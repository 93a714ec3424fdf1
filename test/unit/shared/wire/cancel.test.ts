import { headers } from '@nats-io/transport-node';
import { describe, expect, it } from 'vitest';
import { readCancelNotice, writeCancelHeaders } from '../../../../shared/wire/cancel.ts';
import { cancelSubject } from '../../../../shared/wire/subjects.ts';

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const subject = cancelSubject('acme', 'job-1');

function written(sequence = 7) {
  const set = headers();
  const notice = { jobId: 'job-1', sequence, source: '/test', at: '2026-01-01T00:00:00.000Z' };
  writeCancelHeaders(notice, { traceparent: `00-${TRACE_ID}-00f067aa0ba902b7-01` }, (name, value) =>
    set.set(name, value),
  );
  return set;
}

describe('a cancel notice', () => {
  it('is read as it was written, with the span that sent it', () => {
    expect(readCancelNotice(subject, written())).toMatchObject({
      tenant: 'acme',
      jobId: 'job-1',
      sequence: 7,
      sentBy: { traceId: TRACE_ID, spanId: '00f067aa0ba902b7' },
    });
  });

  it('is a CloudEvent without headers that command the server', () => {
    expect(written().keys().sort()).toEqual([
      'ce-datacontenttype',
      'ce-id',
      'ce-source',
      'ce-specversion',
      'ce-time',
      'ce-type',
      'content-type',
      'throughline-job-sequence',
      'traceparent',
    ]);
  });

  it('is not read without headers, on another subject, or without a sequence', () => {
    expect(readCancelNotice(subject, undefined)).toBeUndefined();
    expect(readCancelNotice('events.acme.job-1', written())).toBeUndefined();
    expect(readCancelNotice(subject, written(0))).toBeUndefined();
    expect(readCancelNotice(subject, written(Number.NaN))).toBeUndefined();
  });

  it('is read although its trace context is broken', () => {
    const broken = written();
    broken.set('traceparent', 'nonsense');
    expect(readCancelNotice(subject, broken)).toMatchObject({ sequence: 7, sentBy: undefined });
  });
});

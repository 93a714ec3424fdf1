import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EventKind, JobEvent } from '../../../../shared/job/event.ts';
import { EVENT_STATES } from '../../../../shared/job/event.ts';
import type { Carrier } from '../../../../shared/propagation/index.ts';
import {
  readEventHeaders,
  readJobEvent,
  writeEventHeaders,
  writeJobEvent,
} from '../../../../shared/wire/event-message.ts';
import { eventSummaryOf } from '../../../../shared/wire/event-summary.ts';
import { writeJson } from '../../../../shared/wire/json-body.ts';
import { refusalOf } from '../../support.ts';
import { valuesOf, written } from './headers.ts';

const acceptedAt = '2026-01-01T00:00:00.000Z';
const carrier: Carrier = {
  traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  tracestate: 'a=1',
  baggage: 'k=v',
};

const NEEDED = ['throughline-operation', 'throughline-attempt', 'throughline-accepted-at'];
const EVENT_HEADERS = [
  'Nats-Msg-Id',
  'ce-specversion',
  'ce-datacontenttype',
  'ce-id',
  'ce-source',
  'ce-type',
  'ce-time',
  'content-type',
  'throughline-max-attempts',
  'traceparent',
  'tracestate',
  'baggage',
  ...NEEDED,
];

const event = (kind: EventKind): JobEvent => ({
  kind,
  jobId: 'job-1',
  operation: 'echo',
  attempt: 1,
  maxAttempts: 5,
  released: 0,
  acceptedAt,
  at: acceptedAt,
  worker: 'w',
  traceId: '',
  spanId: '',
});

describe('the headers of an event', () => {
  it.each(Object.keys(EVENT_STATES) as EventKind[])(
    'of %s name its kind, and are in the fixed list',
    (kind) => {
      const ids = { messageId: 'job-1:1:x', source: '/throughline/worker/w' };
      const headers = written((set) => writeEventHeaders(event(kind), ids, carrier, set));
      expect(headers.get('ce-type')).toBe(`dev.throughline.job.${kind}`);
      expect(headers.get('Nats-Msg-Id')).toBe('job-1:1:x');
      expect(headers.get('ce-id')).toBe('job-1:1:x');
      expect([...headers.keys()].sort()).toEqual([...EVENT_HEADERS].sort());
    },
  );

  it.each(Object.keys(EVENT_STATES) as EventKind[])('of %s say the same as its body', (kind) => {
    const full: JobEvent = {
      ...event(kind),
      startedAt: '2026-01-01T00:00:01.000Z',
      traceId: 'ab'.repeat(16),
      error: { code: 'operation-failed', message: 'two\r\nlines' },
      redriveCount: 2,
      previousTraceIds: ['cd'.repeat(16)],
      tags: ['night', 'team:blue'],
    };
    for (const source of [event(kind), full]) {
      const ids = { messageId: 'job-1:1:x', source: '/throughline/worker/w' };
      const headers = written((set) => writeEventHeaders(source, ids, carrier, set));
      // A trace id that is none, as the shorter event has, is left out.
      const traceId = source === full ? full.traceId : '';
      expect(eventSummaryOf(source)).toMatchObject({ operation: source.operation, traceId });
      expect(readEventHeaders(valuesOf(headers))).toEqual(eventSummaryOf(source));
      for (const value of headers.values()) expect(value).not.toMatch(/[\r\n]/);
    }
  });

  it('are not enough if a needed one is missing or cannot be read', () => {
    const ids = { messageId: 'job-1:1:x', source: '/throughline/worker/w' };
    const headers = written((set) => writeEventHeaders(event('started'), ids, carrier, set));
    const needed = ['ce-type', 'ce-time', ...NEEDED, 'throughline-max-attempts'];
    for (const name of needed) {
      for (const value of [undefined, '', 'A b', '-1']) {
        const others = new Map([...headers].filter(([other]) => other !== name));
        if (value !== undefined) others.set(name, value);
        expect(readEventHeaders(valuesOf(others))).toBeUndefined();
      }
    }
  });

  it('and its body have no summary that is larger than headers can be', () => {
    const long = 'x'.repeat(100_000);
    expect(eventSummaryOf({ ...event('started'), operation: long })).toBeUndefined();
    const others = {
      ...event('failed'),
      traceId: long,
      error: { code: long, message: long },
      redriveCount: 1,
      previousTraceIds: [long],
    };
    expect(JSON.stringify(eventSummaryOf(others)).length).toBeLessThan(1_000);
  });

  it('leave out values that a header cannot hold', () => {
    const hostile = {
      ...event('failed'),
      operation: 'a\r\nNats-Rollup: all',
      error: { code: 'a b', message: '' },
    };
    const ids = { messageId: 'job-1:1:x', source: '/throughline/worker/w' };
    const headers = written((set) => writeEventHeaders(hostile, ids, carrier, set));
    expect(headers.has('throughline-operation')).toBe(false);
    expect(headers.has('throughline-error-code')).toBe(false);
  });
});

describe('writing an event', () => {
  it.each<[string, Partial<JobEvent>]>([
    ['a pause that is no number', { retryInMs: Number.NaN }],
    ['a pause without end', { retryInMs: Number.POSITIVE_INFINITY }],
    ['progress beyond its end', { progress: { fraction: 2 } }],
    ['a time that is none', { at: 'now' }],
    ['half an attempt', { attempt: 1.5 }],
  ])('is refused if it could not be read again: %s', async (_what, wrong) => {
    const error = await refusalOf(() => writeJobEvent({ ...event('retrying'), ...wrong }));
    expect(error).toMatchObject({ code: 'internal' });
    expect(error.message).toContain(Object.keys(wrong)[0]);
  });
});

describe('reading an event', () => {
  it('gives back what was written', () => {
    const full: JobEvent = { ...event('succeeded'), result: { ok: ['ü', null] }, startedAt: acceptedAt };
    expect(readJobEvent(writeJobEvent(full))).toEqual(full);
  });

  it.each<[string, unknown]>([
    ['no event', { hello: 1 }],
    ['null', null],
    ['a kind that is not known', { ...event('started'), kind: 'exploded' }],
    ['a negative attempt', { ...event('started'), attempt: -1 }],
    ['a time that is none', { ...event('started'), at: 'now' }],
  ])('gives undefined for %s', (_what, value) => {
    expect(readJobEvent(writeJson(value))).toBeUndefined();
  });

  it('gives undefined for any bytes that are not an event, and never throws', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(readJobEvent(bytes)).toBeUndefined();
      }),
    );
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import type { Carrier } from '../../../../shared/propagation/index.ts';
import { readJobSpec } from '../../../../shared/wire/job-headers.ts';
import { readJobMessage, writeJobHeaders } from '../../../../shared/wire/job-message.ts';
import { writeJson } from '../../../../shared/wire/json-body.ts';
import { jobSubject } from '../../../../shared/wire/subjects.ts';
import { refusalOf } from '../../support.ts';
import { valuesOf, written } from './headers.ts';

const address = { tenant: 'acme', jobId: 'job-1', operation: 'image.thumbnail' };
const subject = jobSubject(address);
const acceptedAt = '2026-01-01T00:00:00.000Z';
const spec = { maxAttempts: 3, timeoutMs: 500 };
const job = { address, acceptedAt, spec, source: '/throughline/bridge' };
const carrier: Carrier = {
  traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  tracestate: 'a=1',
  baggage: 'k=v',
};

const JOB_HEADERS = [
  'Nats-Msg-Id',
  'ce-specversion',
  'ce-id',
  'ce-source',
  'ce-type',
  'ce-time',
  'ce-datacontenttype',
  'content-type',
  'throughline-max-attempts',
  'throughline-timeout-ms',
  'traceparent',
  'tracestate',
  'baggage',
];

const read = (headers: Record<string, string>, body = writeJson(null)) =>
  readJobMessage(subject, valuesOf(new Map(Object.entries(headers))), body);

describe('the headers of a job', () => {
  it('are those in the protocol', () => {
    expect(Object.fromEntries(written((set) => writeJobHeaders(job, carrier, set)))).toEqual({
      'Nats-Msg-Id': 'job-1',
      'ce-specversion': '1.0',
      'ce-id': 'job-1',
      'ce-source': '/throughline/bridge',
      'ce-type': 'dev.throughline.job.submitted',
      'ce-time': acceptedAt,
      'ce-datacontenttype': 'application/json',
      'content-type': 'application/json',
      'throughline-max-attempts': '3',
      'throughline-timeout-ms': '500',
      ...carrier,
    });
  });

  it('leave out limits that the job does not set', () => {
    const plain = { ...job, spec: { maxAttempts: undefined, timeoutMs: undefined } };
    const headers = written((set) => writeJobHeaders(plain, {}, set));
    expect([...headers.keys()].sort()).toEqual(JOB_HEADERS.slice(0, 8).sort());
  });

  it.each([
    'Nats-Expected-Stream',
    'Nats-Rollup',
    'Nats-TTL',
    'Nats-Schedule',
    'Nats-Msg-Id',
    'nats-msg-id',
    'Traceparent',
    'x\r\nNats-Rollup',
    '__proto__',
  ])('never contain %j because a carrier does', (name) => {
    const hostile = { ...carrier, ...JSON.parse(JSON.stringify({ [name]: 'all' })) };
    const headers = written((set) => writeJobHeaders(job, hostile, set));
    expect([...headers.keys()].sort()).toEqual([...JOB_HEADERS].sort());
    expect([...headers.values()]).not.toContain('all');
  });

  it('are in the fixed list, whatever the carrier contains', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.string()), (foreign) => {
        const headers = written((set) => writeJobHeaders(job, foreign, set));
        for (const name of headers.keys()) expect(JOB_HEADERS).toContain(name);
      }),
    );
  });
});

describe('reading a job', () => {
  it('gives back what was written', () => {
    const specs = fc.record({
      maxAttempts: fc.option(fc.integer({ min: 1, max: 100 }), { nil: undefined }),
      timeoutMs: fc.option(fc.integer({ min: 1, max: 86_400_000 }), { nil: undefined }),
    });
    fc.assert(
      fc.property(specs, fc.jsonValue(), (asked, value) => {
        const headers = written((set) => writeJobHeaders({ ...job, spec: asked }, carrier, set));
        const input: unknown = JSON.parse(JSON.stringify(value));
        const message = readJobMessage(subject, valuesOf(headers), writeJson(value));
        expect(message).toEqual({ address, acceptedAt, spec: asked, input });
      }),
    );
  });

  it('needs only a subject and a body', () => {
    expect(read({}, writeJson({ width: 7 }))).toEqual({
      address,
      acceptedAt: undefined,
      spec: {},
      input: { width: 7 },
    });
  });

  it('reads an empty body as null', () => {
    expect(read({}, new Uint8Array()).input).toBeNull();
  });

  it.each<[string, number[]]>([
    ['broken UTF-8', [0x22, 0xff, 0x22]],
    ['half a character', [0x22, 0xe2, 0x82, 0x22]],
    ['UTF-16', [0xff, 0xfe, 0x31, 0x00]],
    ['half a text', [0x22]],
    ['random bytes', [0xde, 0xad, 0xbe, 0xef]],
    ['a blank', [0x20]],
    ['two values', [0x31, 0x20, 0x31]],
  ])('refuses a body of %s', async (_what, bytes) => {
    const error = await refusalOf(() => read({}, new Uint8Array(bytes)));
    expect(error).toMatchObject({ code: 'message-invalid', message: 'the body is not JSON in UTF-8' });
  });

  it.each(['events.acme.1', 'jobs.normal.p3.acme.1', 'jobs.normal.p3.acme.*.echo', ''])(
    'refuses the subject %j',
    async (other) => {
      const error = await refusalOf(() => readJobMessage(other, () => [], writeJson(null)));
      expect(error).toMatchObject({ code: 'message-invalid' });
    },
  );

  it.each(['0', '-1', '101', '1.5', '1e1', '', ' 3', '3 ', '3\n', '0x3', 'three', '٣', '9'.repeat(13)])(
    'refuses throughline-max-attempts: %j, and names the header',
    async (value) => {
      const error = await refusalOf(() => read({ 'throughline-max-attempts': value }));
      expect(error.code).toBe('message-invalid');
      expect(error.message).toBe('the header throughline-max-attempts is not a whole number from 1 to 100');
    },
  );

  it.each(['0', '86400001', '30s'])(
    'refuses throughline-timeout-ms: %j, and names the header',
    async (value) => {
      const error = await refusalOf(() => read({ 'throughline-timeout-ms': value }));
      expect(error.message).toBe(
        'the header throughline-timeout-ms is not a whole number from 1 to 86400000',
      );
    },
  );

  it.each([
    ['2026-01-01T02:00:00+02:00', acceptedAt],
    ['2026-01-01T00:00:00Z', acceptedAt],
    ['2026-01-01t00:00:00.000000000z', acceptedAt],
    ['2026-01-01 01:00:00+01:00', acceptedAt],
    ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00.000Z'],
    ['yesterday', undefined],
    ['', undefined],
    // A time of which nobody knows the zone.
    ['2026-01-01T00:00:00', undefined],
    ['2026-01-01', undefined],
    // `Date` makes a time of these.
    ['2026-junk', undefined],
    ['2026-005', undefined],
    ['2026-005Z', undefined],
    ['2026-01-01 (5) 00:00:00Z', undefined],
    ['2026-1-1T00:00:00Z', undefined],
    // No calendar has this day, and no day this hour.
    ['2026-02-30T00:00:00Z', undefined],
    ['2026-02-29T00:00:00+01:00', undefined],
    ['2026-01-01T24:00:00Z', undefined],
    ['2026-01-01T23:60:00Z', undefined],
  ])('reads ce-time: %j as %j', (time, expected) => {
    expect(read({ 'ce-time': time }).acceptedAt).toBe(expected);
  });

  it.each([
    '+010000-01-01T00:00:00Z',
    '-000001-01-01T00:00:00Z',
    '+275760-09-13T00:00:00Z',
    // In UTC it is the year 10000, and the year -1.
    '9999-12-31T23:59:59-01:00',
    '0000-01-01T00:00:00+01:00',
  ])('reads no time from ce-time: %j that does not fit into an event', (time) => {
    const { acceptedAt: taken } = read({ 'ce-time': time });
    expect(z.iso.datetime().optional().safeParse(taken).success).toBe(true);
  });
});

describe('reading a spec for showing', () => {
  const limits = (headers: Record<string, string>) => readJobSpec(valuesOf(new Map(Object.entries(headers))));

  it('gives the values of the headers', () => {
    const headers = { 'ce-time': acceptedAt, 'throughline-max-attempts': '3' };
    expect(limits(headers)).toEqual({ maxAttempts: 3 });
  });

  it.each(['', '0', '101', '1.5', 'many', 'NaN', '-1'])(
    'gives nothing for attempts of %j, and never throws',
    (value) => {
      expect(limits({ 'throughline-max-attempts': value }).maxAttempts).toBeUndefined();
    },
  );

  it('gives nothing if there are no headers', () => {
    expect(limits({})).toEqual({});
  });
});

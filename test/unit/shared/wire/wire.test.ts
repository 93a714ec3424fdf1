import { headers as natsHeaders } from '@nats-io/transport-node';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import type { EventKind, JobEvent } from '../../../../shared/job/event.ts';
import { EVENT_STATES } from '../../../../shared/job/event.ts';
import type { Carrier } from '../../../../shared/propagation/index.ts';
import { digestOf } from '../../../../shared/wire/event-digest.ts';
import { readEventHeaders, readJobEvent, writeEventHeaders } from '../../../../shared/wire/event-message.ts';
import { headerValues } from '../../../../shared/wire/headers.ts';
import { readJobSpec } from '../../../../shared/wire/job-headers.ts';
import { readJobMessage, writeJobHeaders } from '../../../../shared/wire/job-message.ts';
import { writeJson } from '../../../../shared/wire/json-body.ts';
import { jobSubject } from '../../../../shared/wire/subjects.ts';
import { refusalOf } from '../../support.ts';

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
  'content-type',
  'throughline-max-attempts',
  'throughline-timeout-ms',
  'traceparent',
  'tracestate',
  'baggage',
];
const NOT_ON_EVENTS = ['throughline-timeout-ms'];
const ONLY_ON_EVENTS = ['throughline-operation', 'throughline-attempt', 'throughline-accepted-at'];

type Write = (set: (name: string, value: string) => void) => void;

function written(write: Write): Map<string, string> {
  const headers = new Map<string, string>();
  write((name, value) => {
    expect(headers.has(name)).toBe(false);
    headers.set(name, value);
  });
  return headers;
}

const valuesOf = (headers: ReadonlyMap<string, string>) => (name: string) => {
  const value = headers.get(name);
  return value === undefined ? [] : [value];
};

const read = (headers: Record<string, string>, body = writeJson(null)) =>
  readJobMessage(subject, valuesOf(new Map(Object.entries(headers))), body);

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

describe('the headers of a job', () => {
  it('are those of the protocol', () => {
    expect(Object.fromEntries(written((set) => writeJobHeaders(job, carrier, set)))).toEqual({
      'Nats-Msg-Id': 'job-1',
      'ce-specversion': '1.0',
      'ce-id': 'job-1',
      'ce-source': '/throughline/bridge',
      'ce-type': 'dev.throughline.job.submitted',
      'ce-time': acceptedAt,
      'content-type': 'application/json',
      'throughline-max-attempts': '3',
      'throughline-timeout-ms': '500',
      ...carrier,
    });
  });

  it('say nothing of limits that the job does not set', () => {
    const plain = { ...job, spec: { maxAttempts: undefined, timeoutMs: undefined } };
    const headers = written((set) => writeJobHeaders(plain, {}, set));
    expect([...headers.keys()].sort()).toEqual(JOB_HEADERS.slice(0, 7).sort());
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
  ])('never hold %j because a carrier does', (name) => {
    const hostile = { ...carrier, ...JSON.parse(JSON.stringify({ [name]: 'all' })) };
    const headers = written((set) => writeJobHeaders(job, hostile, set));
    expect([...headers.keys()].sort()).toEqual([...JOB_HEADERS].sort());
    expect([...headers.values()]).not.toContain('all');
  });

  it('are of the fixed list, whatever the carrier holds', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.string()), (foreign) => {
        const headers = written((set) => writeJobHeaders(job, foreign, set));
        for (const name of headers.keys()) expect(JOB_HEADERS).toContain(name);
      }),
    );
  });
});

describe('the headers of an event', () => {
  it.each(Object.keys(EVENT_STATES) as EventKind[])('%s name its kind, and are of the fixed list', (kind) => {
    const ids = { messageId: 'job-1:1:x', source: '/throughline/worker/w' };
    const headers = written((set) => writeEventHeaders(event(kind), ids, carrier, set));
    expect(headers.get('ce-type')).toBe(`dev.throughline.job.${kind}`);
    expect(headers.get('Nats-Msg-Id')).toBe('job-1:1:x');
    expect(headers.get('ce-id')).toBe('job-1:1:x');
    expect([...headers.keys()].sort()).toEqual(
      [...JOB_HEADERS.filter((name) => !NOT_ON_EVENTS.includes(name)), ...ONLY_ON_EVENTS].sort(),
    );
  });

  it.each(Object.keys(EVENT_STATES) as EventKind[])('%s say what its body says', (kind) => {
    const full: JobEvent = {
      ...event(kind),
      startedAt: '2026-01-01T00:00:01.000Z',
      traceId: 'ab'.repeat(16),
      error: { code: 'operation-failed', message: 'two\r\nlines' },
      redriveCount: 2,
      previousTraceIds: ['cd'.repeat(16)],
    };
    for (const told of [event(kind), full]) {
      const ids = { messageId: 'job-1:1:x', source: '/throughline/worker/w' };
      const headers = written((set) => writeEventHeaders(told, ids, carrier, set));
      const { traceId, ...digest } = digestOf(told);
      // A trace id that is none, as the shorter event has, is left out.
      expect(readEventHeaders(valuesOf(headers))).toEqual({
        ...digest,
        traceId: told === full ? traceId : '',
      });
      for (const value of headers.values()) expect(value).not.toMatch(/[\r\n]/);
    }
  });

  it('are not enough where one that is needed is missing or means nothing', () => {
    const ids = { messageId: 'job-1:1:x', source: '/throughline/worker/w' };
    const headers = written((set) => writeEventHeaders(event('started'), ids, carrier, set));
    const needed = ['ce-type', 'ce-time', ...ONLY_ON_EVENTS, 'throughline-max-attempts'];
    for (const name of needed) {
      for (const value of [undefined, '', 'A b', '-1']) {
        const others = new Map([...headers].filter(([other]) => other !== name));
        if (value !== undefined) others.set(name, value);
        expect(readEventHeaders(valuesOf(others))).toBeUndefined();
      }
    }
  });

  it('leave out what a header cannot hold', () => {
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

  it('takes an empty body for null', () => {
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

  it.each(['events.acme.1', 'jobs.acme.1', 'jobs.acme.*.echo', ''])(
    'refuses the subject %j',
    async (other) => {
      const error = await refusalOf(() => readJobMessage(other, () => [], writeJson(null)));
      expect(error).toMatchObject({ code: 'message-invalid', ack: 'term' });
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
    ['yesterday', undefined],
    ['', undefined],
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
  ])('takes no time from ce-time: %j that an event could not carry', (time) => {
    const { acceptedAt: taken } = read({ 'ce-time': time });
    expect(z.iso.datetime().optional().safeParse(taken).success).toBe(true);
  });
});

describe('reading a spec for showing', () => {
  const limits = (headers: Record<string, string>) => readJobSpec(valuesOf(new Map(Object.entries(headers))));

  it('gives what the headers say', () => {
    const headers = { 'ce-time': acceptedAt, 'throughline-max-attempts': '3' };
    expect(limits(headers)).toEqual({ maxAttempts: 3 });
  });

  it.each(['', '0', '101', '1.5', 'many', 'NaN', '-1'])(
    'gives nothing for attempts of %j, and never throws',
    (value) => {
      expect(limits({ 'throughline-max-attempts': value }).maxAttempts).toBeUndefined();
    },
  );

  it('gives nothing where there are no headers', () => {
    expect(limits({})).toEqual({});
  });
});

describe('the headers of a NATS message', () => {
  it('are found however a producer writes their names, and all of them', () => {
    const messageHeaders = natsHeaders();
    messageHeaders.append('ce-time', 'a');
    messageHeaders.append('Ce-Time', 'b');
    messageHeaders.append('CE-TIME', 'c');
    messageHeaders.append('ce-time', 'd');
    expect([...headerValues(messageHeaders)('ce-time')].sort()).toEqual(['a', 'b', 'c', 'd']);
    expect(headerValues(messageHeaders)('ce-id')).toEqual([]);
  });

  it('may be missing', () => {
    expect(headerValues(undefined)('ce-time')).toEqual([]);
  });
});

describe('reading an event', () => {
  it('gives back what was written', () => {
    const full: JobEvent = { ...event('succeeded'), result: { ok: ['ü', null] }, startedAt: acceptedAt };
    expect(readJobEvent(writeJson(full))).toEqual(full);
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

  it('gives undefined for any bytes that are no event, and never throws', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(readJobEvent(bytes)).toBeUndefined();
      }),
    );
  });
});

describe('writing JSON', () => {
  it('writes undefined as null, since JSON has no word for it', () => {
    expect(new TextDecoder().decode(writeJson(undefined))).toBe('null');
  });
});

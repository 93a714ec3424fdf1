import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { ERRORS, errorFrom } from '../../../shared/error-table.ts';
import {
  describeThrown,
  ERROR_CODES,
  type ErrorCode,
  ThroughlineError,
  unknownJob,
} from '../../../shared/errors.ts';
import { cpuMs } from '../support.ts';

/** What callers and the broker rely on: each code with its HTTP status, and the ack of a job that fails with it. */
const EXPECTED: Readonly<Record<ErrorCode, readonly [status: number, ack: 'nak' | 'term']>> = {
  'request-invalid': [400, 'term'],
  unauthenticated: [401, 'term'],
  forbidden: [403, 'term'],
  'route-unknown': [404, 'term'],
  'job-unknown': [404, 'term'],
  'dead-letter-unknown': [404, 'term'],
  'schedule-unknown': [404, 'term'],
  'cursor-unknown': [404, 'term'],
  'body-timeout': [408, 'nak'],
  'not-dead': [409, 'term'],
  'method-not-allowed': [405, 'term'],
  'job-finished': [409, 'term'],
  'schedule-busy': [409, 'nak'],
  'payload-too-large': [413, 'term'],
  'media-type-unsupported': [415, 'term'],
  'operation-unknown': [422, 'term'],
  'operation-unserved': [503, 'nak'],
  'input-invalid': [422, 'term'],
  'idempotency-key-reused': [422, 'term'],
  'rate-limited': [429, 'nak'],
  'too-many-waits': [429, 'nak'],
  'quota-exceeded': [429, 'nak'],
  'too-many-streams': [429, 'nak'],
  'outbox-share-full': [429, 'nak'],
  internal: [500, 'nak'],
  'config-invalid': [500, 'nak'],
  'delay-unsupported': [501, 'term'],
  'broker-unavailable': [503, 'nak'],
  'index-unavailable': [503, 'nak'],
  'schedules-unavailable': [503, 'nak'],
  'broker-refused': [503, 'nak'],
  'broker-rejected': [502, 'term'],
  'stream-full': [503, 'nak'],
  'outbox-full': [503, 'nak'],
  'message-invalid': [400, 'term'],
  'operation-failed': [500, 'nak'],
  'operation-timeout': [504, 'nak'],
  'operation-rejected': [422, 'term'],
  'result-too-large': [422, 'term'],
  'record-unreadable': [502, 'term'],
  'worker-stopping': [503, 'nak'],
  'attempt-superseded': [409, 'term'],
  'attempts-spent': [500, 'term'],
  'job-cancelled': [409, 'term'],
  'callback-failed': [502, 'nak'],
  'callback-gone': [410, 'term'],
  'callback-unsigned': [500, 'nak'],
  'target-refused': [403, 'term'],
};
const CODES = ERROR_CODES;

describe('the table of errors', () => {
  it.each(CODES)('gives %s its HTTP status, a title, and the ack for the broker', (code) => {
    const [status, ack] = EXPECTED[code];
    expect(ERRORS[code].title).toMatch(/^[A-Z][^\n]{5,70}[^.\s]$/);
    const error = new ThroughlineError(code, 'why');
    expect(error).toMatchObject({ code, message: 'why', name: 'ThroughlineError' });
    expect(ERRORS[code]).toMatchObject({ status, ack });
  });

  it('has a different title for each code', () => {
    expect(new Set(CODES.map((code) => ERRORS[code].title)).size).toBe(CODES.length);
  });

  it.each(['broker-unavailable', 'worker-stopping', 'operation-timeout', 'internal'] as const)(
    'never ends a job for %s, which may go away',
    (code) => {
      expect(ERRORS[code].ack).toBe('nak');
    },
  );

  it.each([
    'input-invalid',
    'message-invalid',
    'target-refused',
    'operation-rejected',
    'attempts-spent',
  ] as const)('never tries again after %s, which does not go away', (code) => {
    expect(ERRORS[code].ack).toBe('term');
  });
});

describe('an error', () => {
  it('has no details if none were given', () => {
    const error = new ThroughlineError('internal', 'why');
    expect(error).toMatchObject({ violations: [], suggestions: [], retryAfterSeconds: undefined });
    expect('cause' in error).toBe(false);
  });

  it('keeps its cause', () => {
    const cause = new Error('underneath');
    expect(new ThroughlineError('internal', 'why', { cause }).cause).toBe(cause);
  });
});

describe('the error of what was thrown', () => {
  it('returns an error of ours as it is, whatever the fallback', () => {
    const error = new ThroughlineError('stream-full', 'why');
    expect(errorFrom(error)).toBe(error);
    expect(errorFrom(error, 'operation-failed')).toBe(error);
  });

  it.each([
    ['an Error', new Error('canary')],
    ['a text', 'canary'],
    ['an object', { secret: 'canary' }],
    ['undefined', undefined],
    ['null', null],
  ])('makes an internal error of %s, and keeps it as the cause', (_what, thrown) => {
    const error = errorFrom(thrown);
    expect(error).toMatchObject({ code: 'internal', message: ERRORS.internal.title });
    expect(error.message).not.toContain('canary');
    if (thrown !== undefined) expect(error.cause).toBe(thrown);
  });

  it.each(['broker-unavailable', 'message-invalid', 'operation-failed'] as const)(
    'does not show a foreign message with %s',
    (code) => {
      const thrown = new Error('connect ECONNREFUSED nats.internal:4222');
      expect(errorFrom(thrown, code).message).not.toContain('nats.internal');
    },
  );
});

/** A value that throws whenever anybody looks at it. */
const hostile = new Proxy(
  {},
  Object.fromEntries(
    ['get', 'has', 'getPrototypeOf', 'ownKeys', 'getOwnPropertyDescriptor'].map((trap) => [
      trap,
      () => {
        throw new Error('again');
      },
    ]),
  ),
);

describe('a value that throws whenever anybody looks at it', () => {
  it('becomes an error like any other', () => {
    expect(errorFrom(hostile)).toMatchObject({
      code: 'internal',
      message: ERRORS.internal.title,
    });
  });

  it('has a description', () => {
    expect(describeThrown(hostile)).toBe('a value that cannot be shown');
  });
});

describe('describing what was thrown', () => {
  const circular: Record<string, unknown> = {};
  circular.self = circular;
  it.each<[string, unknown, string]>([
    ['an Error by its message', new Error('why'), 'why'],
    ['an Error without a message by its name', new TypeError(''), 'TypeError'],
    ['an Error of another realm by its message', runInNewContext('new TypeError("why")'), 'why'],
    ['a text by itself', 'why', 'why'],
    ['an object as JSON', { why: 1 }, '{"why":1}'],
    ['undefined', undefined, 'undefined'],
    ['null', null, 'null'],
    ['a symbol', Symbol('why'), 'Symbol(why)'],
    ['a big integer, which JSON cannot hold', 10n, 'a value that cannot be shown'],
    ['a circle', circular, 'a value that cannot be shown'],
    [
      'a value that throws when it is shown',
      {
        toJSON: () => {
          throw new Error('again');
        },
      },
      'a value that cannot be shown',
    ],
  ])('describes %s', (_what, thrown, text) => {
    expect(describeThrown(thrown)).toBe(text);
  });

  it.each<[string, unknown]>([
    ['an Error of two lines', new Error('first\nsecond')],
    ['a text with a line break', 'first\r\nsecond'],
  ])('takes one line for %s', (_what, thrown) => {
    expect(describeThrown(thrown)).not.toMatch(/[\r\n]/);
  });

  it('cuts a message that is too long to read', () => {
    expect(describeThrown(new Error('x'.repeat(1_000_000))).length).toBeLessThanOrEqual(2_001);
  });

  it.each([' ', '\n', ' \n', '\t', '\r\n '])('takes little time for many of %j', (blank) => {
    const start = cpuMs();
    describeThrown(new Error(`a${blank.repeat(50_000)}b`));
    expect(cpuMs() - start).toBeLessThan(500);
  });

  it('does not throw when the error itself does', () => {
    const hostile = Object.defineProperty(new Error(), 'message', {
      get: () => {
        throw new Error('again');
      },
    });
    expect(describeThrown(hostile)).toBe('a value that cannot be shown');
  });
});

it('the error for an unknown id shows that a long id was cut', () => {
  expect(unknownJob('x'.repeat(64)).message).toContain(`"${'x'.repeat(64)}"`);
  expect(unknownJob('x'.repeat(65)).message).toContain(`"${'x'.repeat(63)}…"`);
});

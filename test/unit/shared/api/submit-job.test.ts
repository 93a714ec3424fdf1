import { describe, expect, it } from 'vitest';
import { SubmitJob } from '../../../../shared/api/submit-job.ts';

const least = { operation: 'echo', input: { any: 'thing' } };

describe('the body of a submission', () => {
  it('has an operation and an input', () => {
    expect(SubmitJob.parse(least)).toEqual(least);
  });

  it('may have the input null, but not no input', () => {
    expect(SubmitJob.safeParse({ operation: 'echo', input: null }).success).toBe(true);
    expect(SubmitJob.safeParse({ operation: 'echo' }).error?.issues).toMatchObject([{ path: ['input'] }]);
  });

  it('may set limits of its own', () => {
    const body = { ...least, timeout: '90s', maxAttempts: 3 };
    expect(SubmitJob.parse(body)).toEqual({ ...body, timeout: 90_000 });
  });

  it.each([
    { url: 'https://acme.example/hooks?id=1' },
    { url: 'http://127.0.0.1:9000', events: ['failed', 'cancelled'] },
  ])('may ask for a callback: %j', (callback) => {
    expect(SubmitJob.parse({ ...least, callback })).toEqual({ ...least, callback });
  });

  it.each<[string, unknown]>([
    ['', null],
    ['', []],
    ['', 'echo'],
    ['operation', { input: 1 }],
    ['operation', { ...least, operation: 7 }],
    ['operation', { ...least, operation: '' }],
    ['operation', { ...least, operation: 'Echo' }],
    ['operation', { ...least, operation: 'echo\r\nPUB x 0' }],
    ['operation', { ...least, operation: 'x'.repeat(129) }],
    ['timeout', { ...least, timeout: 30 }],
    ['timeout', { ...least, timeout: '30' }],
    ['timeout', { ...least, timeout: '0s' }],
    ['timeout', { ...least, timeout: '25h' }],
    ['maxAttempts', { ...least, maxAttempts: 0 }],
    ['maxAttempts', { ...least, maxAttempts: 101 }],
    ['maxAttempts', { ...least, maxAttempts: 1.5 }],
    ['maxAttempts', { ...least, maxAttempts: '3' }],
    ['callback', { ...least, callback: 'https://acme.example' }],
    ['callback', { ...least, callback: { url: 'https://acme.example', secret: 'x' } }],
    ['callback.url', { ...least, callback: {} }],
    ['callback.url', { ...least, callback: { url: '/hooks' } }],
    ['callback.url', { ...least, callback: { url: 'ftp://acme.example/' } }],
    ['callback.url', { ...least, callback: { url: 'https://user:secret@acme.example/' } }],
    ['callback.url', { ...least, callback: { url: 'https://acme.example/#part' } }],
    ['callback.url', { ...least, callback: { url: 'https://acme.example/\r\nNats-Rollup: all' } }],
    ['callback.url', { ...least, callback: { url: `https://acme.example/${'x'.repeat(2_048)}` } }],
    ['callback.events', { ...least, callback: { url: 'https://acme.example', events: [] } }],
    [
      'callback.events',
      { ...least, callback: { url: 'https://acme.example', events: ['failed', 'failed'] } },
    ],
    ['callback.events.0', { ...least, callback: { url: 'https://acme.example', events: ['started'] } }],
  ])('with a wrong "%s" is refused: %j', (field, body) => {
    const { error } = SubmitJob.safeParse(body);
    expect(error?.issues.map(({ path }) => path.join('.'))).toContain(field);
  });

  it.each(['tmeout', 'tenant', 'jobId', 'carrier', '__proto__', 'constructor'])(
    'with the unknown field %s is refused, and the field is named',
    (field) => {
      const body: unknown = JSON.parse(`{"operation":"echo","input":1,${JSON.stringify(field)}:1}`);
      expect(SubmitJob.safeParse(body).error?.issues[0]?.message).toContain(field);
    },
  );
});

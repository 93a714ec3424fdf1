import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fingerprintOf, jobIdFor, readIdempotencyKey } from '../../../edge/http/requests/idempotency.ts';
import { SubmitJob } from '../../../shared/api/submit-job.ts';
import { isToken } from '../../../shared/job/job-address.ts';
import { refusalOf } from '../../unit/support.ts';
import { setup } from './app-support.ts';

const visibleKey = fc.string({
  unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
  minLength: 1,
  maxLength: 120,
});

const of = (body: unknown): Promise<string> => fingerprintOf(SubmitJob.parse(body));

describe('the id of a job', () => {
  it('is a UUID that sorts by time and is never the same twice', async () => {
    const ids = await Promise.all(Array.from({ length: 1_000 }, () => jobIdFor('acme', undefined)));
    for (const id of ids)
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect([...ids].sort()).toEqual(ids);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('is the same each time for one idempotency key, and can stand in a subject', async () => {
    await fc.assert(
      fc.asyncProperty(visibleKey, async (key) => {
        const id = await jobIdFor('acme', { key });
        expect(await jobIdFor('acme', { key })).toBe(id);
        expect(isToken(id)).toBe(true);
      }),
    );
  });

  it('differs by idempotency key and by tenant', async () => {
    const ids = await Promise.all([
      jobIdFor('acme', { key: 'one' }),
      jobIdFor('acme', { key: 'two' }),
      jobIdFor('globex', { key: 'one' }),
      jobIdFor('acme', { key: 'ONE' }),
    ]);
    expect(new Set(ids).size).toBe(4);
  });

  it('of a batch differs from that of every single request, whatever their keys are', async () => {
    await fc.assert(
      fc.asyncProperty(visibleKey, visibleKey, fc.nat(99), async (key, other, place) => {
        const inBatch = await jobIdFor('acme', { key, place });
        for (const single of [other, key, `${key}/${place}`, `${key}\\n${place}`])
          expect(await jobIdFor('acme', { key: single })).not.toBe(inBatch);
      }),
    );
  });
});

describe('an Idempotency-Key', () => {
  it('means the same bare and as a structured-field string, as in the IETF draft', () => {
    fc.assert(
      fc.property(visibleKey, (key) => {
        const quoted = `"${key.replaceAll(/["\\]/g, '\\$&')}"`;
        expect(readIdempotencyKey(quoted)).toBe(key);
        if (!key.startsWith('"')) expect(readIdempotencyKey(key)).toBe(key);
      }),
    );
    expect(readIdempotencyKey('"order 7"')).toBe('order 7');
    expect(readIdempotencyKey(undefined)).toBeUndefined();
  });

  it.each([
    ['nothing', ''],
    ['nothing in quotes', '""'],
    ['a quote without an end', '"abc'],
    ['one quote', '"'],
    ['two strings', '"a", "b"'],
    ['a parameter', '"a";b=1'],
    ['an escape that is none', '"a\\n"'],
    ['a blank', ' '],
    ['blanks inside', 'order 7'],
    ['256 characters', 'x'.repeat(256)],
    ['256 characters in quotes', `"${'x'.repeat(256)}"`],
    ['10 kB', 'x'.repeat(10_000)],
    ['an emoji', '🧵'],
    ['a letter beyond ASCII', 'ü'],
    ['a line break', 'a\r\nb'],
    ['a line feed at the end', 'a\n'],
    ['NUL', 'a\0'],
  ])('with %s is refused', async (_what, header) => {
    const error = await refusalOf(() => readIdempotencyKey(header));
    expect(error).toMatchObject({ code: 'request-invalid' });
    expect(error.message).toContain('Idempotency-Key');
  });

  it.each(['/v1/jobs', '/v1/jobs/batch'])('that is empty is refused by %s too', async (path) => {
    const { send } = await setup();
    const headers = { 'content-type': 'application/json', 'idempotency-key': '""' };
    const one = { operation: 'echo', input: 1 };
    const body = JSON.stringify(path.endsWith('batch') ? { jobs: [one] } : one);
    expect((await send(path, { method: 'POST', headers, body })).status).toBe(400);
  });

  it('means one job in a batch, with and without quotes, and never that of a single request', async () => {
    const { send, submitted } = await setup();
    const post = (path: string, key: string, body: unknown): Promise<Response> =>
      send(path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'idempotency-key': key },
        body: JSON.stringify(body),
      });
    const one = { operation: 'echo', input: 1 };
    for (const key of ['qq', '"qq"']) await post('/v1/jobs/batch', key, { jobs: [one, one] });
    for (const key of ['qq', '"qq"', 'qq/0', 'qq/1']) await post('/v1/jobs', key, one);
    const [first, second, again, again2, ...singles] = submitted.map(({ jobId }) => jobId);
    expect([again, again2]).toEqual([first, second]);
    expect(singles[0]).toBe(singles[1]);
    expect(new Set([first, second, ...singles]).size).toBe(5);
  });
});

describe('the fingerprint of a request', () => {
  it('is 64 hex digits', async () => {
    expect(await of({ operation: 'echo', input: 1 })).toMatch(/^[0-9a-f]{64}$/);
  });

  it('does not depend on the order of keys, at any depth', async () => {
    const one = await of({ operation: 'echo', input: { a: { x: 1, y: [{ p: 1, q: 2 }] }, b: 2 } });
    const other = await of({ input: { b: 2, a: { y: [{ q: 2, p: 1 }], x: 1 } }, operation: 'echo' });
    expect(other).toBe(one);
  });

  it.each([
    ['another operation', { operation: 'other', input: [1, 2] }],
    ['another input', { operation: 'echo', input: [1, 3] }],
    ['another order in a list', { operation: 'echo', input: [2, 1] }],
    ['a limit of its own', { operation: 'echo', input: [1, 2], maxAttempts: 2 }],
    ['a callback', { operation: 'echo', input: [1, 2], callback: { url: 'https://acme.example/' } }],
    ['another time limit', { operation: 'echo', input: [1, 2], timeout: '5s' }],
    ['a key called __proto__', { operation: 'echo', input: JSON.parse('{"__proto__":[1,2]}') }],
    ['an object instead of a list', { operation: 'echo', input: { 0: 1, 1: 2 } }],
  ])('differs for %s', async (_, body) => {
    expect(await of(body)).not.toBe(await of({ operation: 'echo', input: [1, 2] }));
  });
});

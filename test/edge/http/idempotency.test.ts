import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fingerprintOf, jobIdFor } from '../../../edge/http/requests/idempotency.ts';
import { SubmitJob } from '../../../shared/api/submit-job.ts';
import { isToken } from '../../../shared/job/job-address.ts';
import { refusalOf } from '../../unit/support.ts';

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
    const visible = fc.string({
      unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
      minLength: 1,
      maxLength: 255,
    });
    await fc.assert(
      fc.asyncProperty(visible, async (key) => {
        // A pair of quotes around nothing is an empty structured-field string.
        fc.pre(key !== '""');
        const id = await jobIdFor('acme', key);
        expect(await jobIdFor('acme', key)).toBe(id);
        expect(isToken(id)).toBe(true);
      }),
    );
  });

  it('differs by idempotency key and by tenant', async () => {
    const ids = await Promise.all([
      jobIdFor('acme', 'one'),
      jobIdFor('acme', 'two'),
      jobIdFor('globex', 'one'),
      jobIdFor('acme', 'ONE'),
    ]);
    expect(new Set(ids).size).toBe(4);
  });

  it('is the same for a key with quotes, as in the IETF draft, and without', async () => {
    expect(await jobIdFor('acme', '"order-7"')).toBe(await jobIdFor('acme', 'order-7'));
  });

  it.each([
    ['nothing', ''],
    ['nothing in quotes', '""'],
    ['a blank', ' '],
    ['blanks inside', 'order 7'],
    ['256 characters', 'x'.repeat(256)],
    ['10 kB', 'x'.repeat(10_000)],
    ['an emoji', '🧵'],
    ['a letter beyond ASCII', 'ü'],
    ['a line break', 'a\r\nb'],
    ['a line feed at the end', 'a\n'],
    ['NUL', 'a\0'],
  ])('is not made from a key with %s', async (_what, key) => {
    const error = await refusalOf(() => jobIdFor('acme', key));
    expect(error).toMatchObject({ code: 'request-invalid', status: 400 });
    expect(error.message).toContain('Idempotency-Key');
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
